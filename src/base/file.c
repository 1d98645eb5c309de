/* Files: see file.h. Plain system calls, no state; any thread. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

static enum err errno_error(struct error *e, const char *what, const char *path)
{
    enum err code = errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    char text[96];
    return error_set(e, code, "%s %s: %s", what, path, strerror_r(errno, text, sizeof text));
}

static void fd_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

enum err file_read(const char *path, size_t max_bytes, struct arena *a, struct str *ret_bytes,
                   struct error *e)
{
    _cleanup_(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return errno_error(e, "cannot read", path);
    if (!S_ISREG(st.st_mode))
        return error_set(e, ERR_IO, "cannot read %s: not a file", path);
    if ((uint64_t)st.st_size > max_bytes)
        return error_set(e, ERR_TOO_LARGE, "%s has %lld bytes, the limit is %zu", path,
                         (long long)st.st_size, max_bytes);
    size_t size = (size_t)st.st_size, n = 0;
    char *p = arena_alloc(a, size + 1);
    if (!p)
        return error_set(e, ERR_NOMEM, "no memory to read %s", path);
    while (n < size) {
        ssize_t got = read(fd, p + n, size - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno_error(e, "cannot read", path);
        if (got == 0)
            break;
        n += (size_t)got;
    }
    *ret_bytes = (struct str){p, n};
    return ERR_OK;
}

static bool write_all(int fd, struct str bytes)
{
    for (size_t n = 0; n < bytes.n;) {
        ssize_t put = write(fd, bytes.p + n, bytes.n - n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return false;
        n += (size_t)put;
    }
    return fsync(fd) == 0;
}

enum err file_write(const char *path, struct str bytes, int mode, struct error *e)
{
    char temporary[4096];
    int n = snprintf(temporary, sizeof temporary, "%s.%ld.tmp", path, (long)getpid());
    if (n < 0 || (size_t)n >= sizeof temporary)
        return error_set(e, ERR_INVALID, "path too long: %.80s...", path);
    _cleanup_(fd_close) int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0)
        return errno_error(e, "cannot write", temporary);
    if (!write_all(fd, bytes) || rename(temporary, path) < 0) {
        enum err r = errno_error(e, "cannot write", path);
        unlink(temporary);
        return r;
    }
    return ERR_OK;
}

enum err file_mkdirs(const char *path, struct error *e)
{
    char part[4096];
    int n = snprintf(part, sizeof part, "%s", path);
    if (n <= 0 || (size_t)n >= sizeof part)
        return error_set(e, ERR_INVALID, "bad folder path: %.80s", path);
    for (int i = 1; i <= n; i++) {
        if (part[i] != '/' && part[i] != 0)
            continue;
        part[i] = 0;
        if (mkdir(part, 0700) < 0 && errno != EEXIST)
            return errno_error(e, "cannot create folder", part);
        part[i] = i < n ? '/' : 0;
    }
    return ERR_OK;
}

bool file_exists(const char *path) { return access(path, F_OK) == 0; }

enum err file_lock(const char *path, int *ret_fd, struct error *e)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno_error(e, "cannot open lock", path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        close(fd);
        return error_set(e, ERR_CONFLICT, "%s is held by another rollcall process", path);
    }
    *ret_fd = fd;
    return ERR_OK;
}

void file_unlock(int fd)
{
    if (fd >= 0)
        close(fd);
}

void bytes_sha256(struct str bytes, char ret_hex[static 65])
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(digest, (const unsigned char *)bytes.p, (unsigned long long)bytes.n);
    sodium_bin2hex(ret_hex, 65, digest, sizeof digest);
}

enum err file_sha256(const char *path, char ret_hex[static 65], struct error *e)
{
    _cleanup_(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno_error(e, "cannot read", path);
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    unsigned char chunk[64 * KIB];
    for (;;) {
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno_error(e, "cannot read", path);
        if (n == 0)
            break;
        crypto_hash_sha256_update(&state, chunk, (unsigned long long)n);
    }
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_final(&state, digest);
    sodium_bin2hex(ret_hex, 65, digest, sizeof digest);
    return ERR_OK;
}
