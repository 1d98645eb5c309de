/* The heads file: see heads.h.
 *
 * mac = BLAKE2b-128 keyed with the heads' key over the mac before it (zeros at first) and the line
 * up to the mac. A line is 150 bytes and one write, so that lines of two threads cannot mix; it is
 * not synced: after a power cut the file lags, which is allowed. heads_note is called after each
 * commit with a register event. Lock order: `lock` is a leaf. */
#include "store/heads.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include <sodium.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

enum { FILE_MAX = 1024 * MIB, ARENA_MAX = 2048 * MIB, LINE_MAX_BYTES = 256, LINES_TO_KEEP = 4096 };
enum { PATH_BYTES = 4096 };

struct heads {
    struct seal_key key;
    pthread_mutex_t lock;
    int fd;                       /* under lock */
    uint8_t mac[HEADS_MAC_BYTES]; /* under lock: of the last line */
    int lock_fd;                  /* of PATH.lock: one process writes */
    char path[PATH_BYTES];
};

static void mac_of(const struct seal_key *key, const uint8_t before[static HEADS_MAC_BYTES],
                   struct str line, uint8_t ret_mac[static HEADS_MAC_BYTES])
{
    crypto_generichash_state st;
    crypto_generichash_init(&st, key->bytes, SEAL_KEY_BYTES, HEADS_MAC_BYTES);
    crypto_generichash_update(&st, before, HEADS_MAC_BYTES);
    crypto_generichash_update(&st, (const uint8_t *)line.p, line.n);
    crypto_generichash_final(&st, ret_mac, HEADS_MAC_BYTES);
}

/* ---- reading */

static bool hex_read(struct str hex, uint8_t *ret_bytes, size_t size)
{
    size_t n = 0;
    return sodium_hex2bin(ret_bytes, size, hex.p, hex.n, NULL, &n, NULL) == 0 && n == size;
}

bool head_parse(struct str *line, struct head *ret_head)
{
    struct str chain, seq, hash;
    struct head head = {.seen = false};
    if (!str_split(line, ' ', &chain) || !str_split(line, ' ', &seq) ||
        !str_split(line, ' ', &hash) || !chain.n || chain.n >= sizeof head.chain ||
        str_to_i64(seq, &head.seq, NULL) || !hex_read(hash, head.hash, sizeof head.hash))
        return false;
    memcpy(head.chain, chain.p, chain.n);
    *ret_head = head;
    return true;
}

/* One line without its end; false: it is not as heads_note wrote it after the lines before. */
static bool line_read(const struct seal_key *key, struct heads_seen *seen, struct str line,
                      struct head *ret_head)
{
    struct str rest = line, mac;
    uint8_t said[HEADS_MAC_BYTES], right[HEADS_MAC_BYTES];
    if (!head_parse(&rest, ret_head) || !str_split(&rest, ' ', &mac) ||
        !hex_read(mac, said, sizeof said))
        return false;
    mac_of(key, seen->last_mac, (struct str){line.p, (size_t)(mac.p - line.p)}, right);
    if (sodium_memcmp(said, right, sizeof right) != 0)
        return false;
    memcpy(seen->last_mac, right, sizeof right);
    return true;
}

enum err heads_keep(struct heads_seen *seen, const struct head *new, struct error *e)
{
    struct head *old = hashmap_get(&seen->heads, str_from(new->chain));
    if (old) {
        if (new->seq > old->seq) /* two threads may write in the other order */
            *old = *new;
        return ERR_OK;
    }
    struct head *kept = arena_alloc(seen->a, sizeof *kept);
    if (!kept)
        return error_set(e, ERR_NOMEM, "no memory for the heads of the register");
    *kept = *new;
    return hashmap_put(&seen->heads, str_from(kept->chain), kept, e);
}

static enum err lines_read(const struct seal_key *key, struct str bytes, struct heads_seen *seen,
                           struct error *e)
{
    while (bytes.n) {
        const char *end = memchr(bytes.p, '\n', bytes.n);
        if (!end)
            return ERR_OK;
        struct str line = {bytes.p, (size_t)(end - bytes.p)};
        struct head head = {0};
        if (!line_read(key, seen, line, &head)) {
            seen->bad_line = seen->lines + 1;
            return ERR_OK;
        }
        enum err r = heads_keep(seen, &head, e);
        if (r)
            return r;
        seen->lines++;
        seen->good_bytes += (int64_t)line.n + 1;
        bytes = (struct str){end + 1, bytes.n - line.n - 1};
    }
    return ERR_OK;
}

enum err heads_seen_init(struct heads_seen *seen, struct error *e)
{
    *seen = (struct heads_seen){.a = arena_new(ARENA_MAX)};
    hashmap_init(&seen->heads);
    return seen->a ? ERR_OK : error_set(e, ERR_NOMEM, "no memory for the heads of the register");
}

enum err heads_read(const char *path, const struct seal_key *key, struct heads_seen *ret_seen,
                    struct error *e)
{
    struct heads_seen seen;
    struct str bytes = STR("");
    enum err r = heads_seen_init(&seen, e);
    if (r)
        return r;
    r = file_exists(path) ? file_read(path, FILE_MAX, seen.a, &bytes, e) : ERR_OK;
    if (!r)
        r = lines_read(key, bytes, &seen, e);
    if (r)
        heads_seen_done(&seen);
    else
        *ret_seen = seen;
    return r;
}

void heads_seen_done(struct heads_seen *seen)
{
    hashmap_done(&seen->heads);
    arena_free(seen->a);
    seen->a = NULL;
}

/* ---- writing */

static struct str line_write(const struct seal_key *key, uint8_t mac[static HEADS_MAC_BYTES],
                             struct str chain, int64_t seq, const uint8_t *hash,
                             char text[static LINE_MAX_BYTES])
{
    char hash_hex[2 * CHAIN_HASH_BYTES + 1], mac_hex[2 * HEADS_MAC_BYTES + 1];
    sodium_bin2hex(hash_hex, sizeof hash_hex, hash, CHAIN_HASH_BYTES);
    int n =
        snprintf(text, LINE_MAX_BYTES, "%.*s %lld %s ", STR_ARGS(chain), (long long)seq, hash_hex);
    mac_of(key, mac, (struct str){text, (size_t)n}, mac);
    sodium_bin2hex(mac_hex, sizeof mac_hex, mac, HEADS_MAC_BYTES);
    n += snprintf(text + n, LINE_MAX_BYTES - (size_t)n, "%s\n", mac_hex);
    return (struct str){text, (size_t)n};
}

/* The newest head of each chain, and nothing else. */
static enum err rewrite(struct heads *h, const struct heads_seen *seen, struct error *e)
{
    _cleanup_(buf_done) struct buf out;
    char text[LINE_MAX_BYTES];
    size_t at = 0;
    buf_init(&out, FILE_MAX);
    memset(h->mac, 0, sizeof h->mac);
    for (const struct head *head; (head = hashmap_next(&seen->heads, &at));)
        buf_append(&out,
                   line_write(&h->key, h->mac, str_from(head->chain), head->seq, head->hash, text));
    enum err r = buf_check(&out, e);
    return r ? r : file_write(h->path, buf_str(&out), 0600, e);
}

/* The first damaged file is PATH.damaged, a later one has the time behind it. */
static enum err put_aside(const struct heads *h, struct error *e)
{
    char aside[PATH_BYTES + 64], text[96];
    int n = snprintf(aside, sizeof aside, "%s.damaged", h->path);
    if (file_exists(aside))
        snprintf(aside + n, sizeof aside - (size_t)n, "-%lld", (long long)time_utc());
    if (rename(h->path, aside) == 0)
        return ERR_OK;
    return error_set(e, ERR_IO, "cannot rename %s: %s", h->path,
                     strerror_r(errno, text, sizeof text));
}

/* Leaves a file that ends in a whole line, of believed lines only, and h->mac as of the last. */
static enum err make_ready(struct heads *h, bool *ret_damaged, struct error *e)
{
    struct heads_seen seen;
    enum err r = heads_read(h->path, &h->key, &seen, e);
    if (r)
        return r;
    bool damaged = seen.bad_line != 0;
    memcpy(h->mac, seen.last_mac, sizeof h->mac);
    if (damaged)
        r = put_aside(h, e);
    if (!r && (damaged || seen.lines > LINES_TO_KEEP + 2 * (int64_t)seen.heads.n))
        r = rewrite(h, &seen, e);
    else if (!r && file_exists(h->path) && truncate(h->path, seen.good_bytes) != 0)
        r = error_set(e, ERR_IO, "cannot shorten %s", h->path);
    heads_seen_done(&seen);
    *ret_damaged = damaged;
    return r;
}

static enum err lock_take(struct heads *h, struct error *e)
{
    char path[PATH_BYTES + 8];
    snprintf(path, sizeof path, "%s.lock", h->path);
    return file_lock(path, &h->lock_fd, e);
}

enum err heads_open(const char *path, const struct seal_key *key, struct heads **ret_heads,
                    bool *ret_damaged, struct error *e)
{
    char text[96];
    bool damaged = false;
    struct heads *h = mem_alloc(sizeof *h);
    if (!h)
        return error_set(e, ERR_NOMEM, "no memory for the heads of the register");
    h->key = *key;
    h->fd = h->lock_fd = -1;
    pthread_mutex_init(&h->lock, NULL);
    snprintf(h->path, sizeof h->path, "%s", path);
    enum err r = lock_take(h, e);
    if (!r)
        r = make_ready(h, &damaged, e);
    if (!r)
        h->fd = open(h->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (!r && h->fd < 0)
        r = error_set(e, ERR_IO, "cannot write %s: %s", h->path,
                      strerror_r(errno, text, sizeof text));
    if (r) {
        heads_close(h);
        return r;
    }
    if (ret_damaged)
        *ret_damaged = damaged;
    *ret_heads = h;
    return ERR_OK;
}

void heads_close(struct heads *h)
{
    if (!h)
        return;
    if (h->fd >= 0)
        close(h->fd);
    file_unlock(h->lock_fd);
    pthread_mutex_destroy(&h->lock);
    secure_free(h, sizeof *h);
}

enum err heads_note(struct heads *h, struct str chain, int64_t seq,
                    const uint8_t hash[static CHAIN_HASH_BYTES], struct error *e)
{
    char text[LINE_MAX_BYTES], why[96];
    uint8_t mac[HEADS_MAC_BYTES];
    enum err r = ERR_OK;
    if (chain.n >= HEADS_CHAIN_MAX)
        return error_set(e, ERR_INVALID, "the name of a chain is too long");
    pthread_mutex_lock(&h->lock);
    memcpy(mac, h->mac, sizeof mac);
    struct str line = line_write(&h->key, mac, chain, seq, hash, text);
    off_t before = lseek(h->fd, 0, SEEK_END);
    ssize_t wrote = write(h->fd, line.p, line.n);
    if (wrote == (ssize_t)line.n) {
        memcpy(h->mac, mac, sizeof mac);
    } else {
        r = error_set(e, ERR_IO, "cannot write %s: %s", h->path,
                      wrote < 0 ? strerror_r(errno, why, sizeof why) : "the disk is full");
        if (wrote > 0 && ftruncate(h->fd, before) != 0)
            r = error_wrap(e, r, "half a line is left");
    }
    pthread_mutex_unlock(&h->lock);
    return r;
}

bool heads_were_damaged(const char *path)
{
    char aside[PATH_BYTES + 16];
    snprintf(aside, sizeof aside, "%s.damaged", path);
    return file_exists(aside);
}
