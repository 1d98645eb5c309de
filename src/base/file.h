/* Files: whole reads with a limit, atomic writes, lock files, checksums. Thread: any. */
#pragma once

#include "base/arena.h"

/* The bytes of the file, in `a`. Errors NOT_FOUND, TOO_LARGE (over max_bytes), IO, NOMEM. */
NODISCARD enum err file_read(const char *path, size_t max_bytes, struct arena *a,
                             struct str *ret_bytes, struct error *e);

/* Writes path by temporary file, fsync and rename: readers see the old or the new bytes, never
 * half. mode as in open(2), for example 0600. Errors IO. */
NODISCARD enum err file_write(const char *path, struct str bytes, int mode, struct error *e);

/* Creates the folder and its parents, mode 0700. Errors IO. */
NODISCARD enum err file_mkdirs(const char *path, struct error *e);

bool file_exists(const char *path);

/* Takes an exclusive lock on the file (created when missing); the lock ends with the process or
 * with file_unlock. Errors CONFLICT (another process holds it), IO. ret_fd is the caller's. */
NODISCARD enum err file_lock(const char *path, int *ret_fd, struct error *e);
void file_unlock(int fd);

/* SHA-256 of bytes in memory, as file_sha256 writes it. */
void bytes_sha256(struct str bytes, char ret_hex[static 65]);

/* SHA-256 of the file, 64 hexadecimal digits and the terminator. Errors NOT_FOUND, IO. */
NODISCARD enum err file_sha256(const char *path, char ret_hex[static 65], struct error *e);
