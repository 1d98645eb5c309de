/* Shows http/client.h to tests/http/test_http.py.
 *
 *     http-test-client send METHOD BASE PATH [BODY [TOKEN]]      prints "STATUS body"
 *     http-test-client feed N BASE PATH [TOKEN]                  prints N messages, one a line
 *
 * Exit status 1 and "CODE: message" on standard error when a call fails. */
#include "http/client.h"

#include <stdio.h>
#include <string.h>

static enum err send_one(int argc, char **argv, struct arena *a, struct error *e)
{
    struct http_client *c = NULL;
    int status = 0, method = HTTP_GET;
    struct str body = STR("");
    while (method < HTTP_OTHER && strcmp(http_method_name((enum http_method)method), argv[2]) != 0)
        method++;
    enum err r = http_client_new(argv[3], argc > 6 ? argv[6] : NULL, &c, e);
    if (r)
        return r;
    r = http_client_send(c, a, (enum http_method)method, argv[4], "text/plain",
                         str_from(argc > 5 ? argv[5] : ""), &status, &body, e);
    if (!r)
        printf("%d %.*s\n", status, STR_ARGS(body));
    http_client_free(c);
    return r;
}

static enum err read_feed(int argc, char **argv, struct arena *a, struct error *e)
{
    struct http_feed *f = NULL;
    int64_t n = 0;
    enum err r = str_to_i64(str_from(argv[2]), &n, e);
    if (!r)
        r = http_feed_open(argv[3], argc > 5 ? argv[5] : NULL, argv[4], &f, e);
    if (!r)
        printf("open\n");
    fflush(stdout);
    for (int64_t i = 0; !r && i < n; i++) {
        struct str message;
        r = http_feed_next(f, a, 3 * USEC_PER_SEC, &message, e);
        if (!r)
            printf("%.*s\n", STR_ARGS(message));
        fflush(stdout);
    }
    http_feed_close(f);
    return r;
}

int main(int argc, char **argv)
{
    if (argc < 5)
        return 2;
    struct error e;
    struct arena *a = arena_new(256 * MIB);
    enum err r =
        strcmp(argv[1], "feed") == 0 ? read_feed(argc, argv, a, &e) : send_one(argc, argv, a, &e);
    if (r)
        fprintf(stderr, "%s: %s\n", err_name(e.code), e.msg);
    arena_free(a);
    return r ? 1 : 0;
}
