/* Passwords from the terminal or a pipe. See password.h. Thread: main. Invariant: the terminal gets
 * its echo back whatever happens in between, short of a signal that cannot be caught. */
#include "cmd/password.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { CTRL_C = 3 };

/* One line from standard input without its end. */
static enum err read_line(char *line, struct error *e)
{
    size_t n = 0;
    char c = 0;
    ssize_t got = 0;
    while ((got = read(STDIN_FILENO, &c, 1)) == 1 && c != '\n') {
        if (n + 1 >= PASSWORD_MAX)
            return error_set(e, ERR_INVALID, "the password is too long");
        if (c == CTRL_C)
            return error_set(e, ERR_INVALID, "cancelled");
        line[n++] = c;
    }
    line[n] = 0;
    if (n > 0 && line[n - 1] == '\r')
        line[n - 1] = 0;
    if (got < 0)
        return error_set(e, ERR_IO, "cannot read the password");
    return line[0] ? ERR_OK : error_set(e, ERR_INVALID, "the password is empty");
}

static enum err ask(const char *prompt, char *line, struct error *e)
{
    struct termios before, silent;
    fprintf(stderr, "%s", prompt);
    if (tcgetattr(STDIN_FILENO, &before) != 0)
        return error_set(e, ERR_IO, "cannot switch off the terminal's echo");
    silent = before;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ISIG); /* Ctrl-C must not leave it silent */
    silent.c_lflag |= ECHONL;
    if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) != 0)
        return error_set(e, ERR_IO, "cannot switch off the terminal's echo");
    enum err r = read_line(line, e);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    return r;
}

enum err password_read(const char *prompt, char ret_password[static PASSWORD_MAX], struct error *e)
{
    char again[PASSWORD_MAX] = "";
    if (!isatty(STDIN_FILENO))
        return read_line(ret_password, e);
    enum err r = ask(prompt, ret_password, e);
    if (!r)
        r = ask("Once more: ", again, e);
    if (!r && strcmp(ret_password, again) != 0)
        r = error_set(e, ERR_INVALID, "the two passwords differ");
    sodium_memzero(again, sizeof again);
    return r;
}
