/* Signed heads: see signed_heads.h. Some 1 us a chain. The file is replaced whole, then a line
 * added to the history, which may so lag behind it by a crash. Invariant: what is signed is never
 * older, chain by chain, than what was. */
#include "store/signed_heads.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sodium.h>

#include "base/buf.h"
#include "base/file.h"

enum { FILE_MAX = 1024 * MIB, LINE_BYTES = 512, SHA_TEXT = 65, TEXT_MAX = 320 };

static const char title[] = "rollcall register heads 1\n";

/* The second line of a file, in pieces; borrowed. */
struct signature {
    struct str statement; /* TIME CHAINS SHA256 */
    struct str time, chains, sha, public, signature;
};

static bool signature_parse(struct str line, struct signature *ret)
{
    struct str rest = line;
    if (!str_split(&rest, ' ', &ret->time) || !str_split(&rest, ' ', &ret->chains) ||
        !str_split(&rest, ' ', &ret->sha) || !str_split(&rest, ' ', &ret->public) ||
        !str_split(&rest, ' ', &ret->signature))
        return false;
    ret->statement = (struct str){line.p, (size_t)(ret->sha.p + ret->sha.n - line.p)};
    return true;
}

/* What the signature is of. */
static struct str signed_text(struct str statement, char text[static LINE_BYTES])
{
    int n = snprintf(text, LINE_BYTES, "%s%.*s\n", title, STR_ARGS(statement));
    return (struct str){text, n < LINE_BYTES ? (size_t)n : 0};
}

static bool signature_holds(const struct signature *s, const char *public_text)
{
    char text[LINE_BYTES];
    return str_is(s->public, public_text) &&
           sign_check(s->public, signed_text(s->statement, text), s->signature);
}

/* ---- reading */

struct reading {
    signed_finding_fn fn;
    void *ctx;
    const char *path;
};

static void find(const struct reading *in, const char *path, const char *what)
{
    char text[TEXT_MAX];
    snprintf(text, sizeof text, "%s: %s", path, what);
    in->fn(in->ctx, text);
}

static enum err heads_parse(struct str body, struct heads_seen *seen, bool *ret_good,
                            struct error *e)
{
    struct str line;
    struct head head;
    while (body.n && str_split(&body, '\n', &line)) {
        if (!head_parse(&line, &head)) {
            *ret_good = false;
            return ERR_OK;
        }
        enum err r = heads_keep(seen, &head, e);
        if (r)
            return r;
    }
    *ret_good = true;
    return ERR_OK;
}

/* No line of the history may be newer than the file, which is written first; each holds for itself.
 */
static enum err history_check(const struct reading *in, const char *history, usec_t newest,
                              const char *public_text, struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(FILE_MAX);
    struct str bytes = STR(""), line;
    bool altered = false, newer = false;
    if (!a)
        return error_set(e, ERR_NOMEM, "no memory for the signatures of the register");
    enum err r = file_exists(history) ? file_read(history, FILE_MAX, a, &bytes, e) : ERR_OK;
    if (r)
        return r;
    while (bytes.n && str_split(&bytes, '\n', &line)) {
        struct signature s;
        usec_t at = 0;
        bool good = signature_parse(line, &s) && signature_holds(&s, public_text) &&
                    !time_parse_iso(s.time, &at, NULL);
        altered |= !good;
        newer |= good && at > newest;
    }
    if (altered)
        find(in, history, "a line was altered");
    if (newer)
        find(in, in->path,
             newest ? "a newer signature was made than this one" : "it was removed or altered");
    return ERR_OK;
}

/* The file's bytes: whether they hold, and the heads in them. */
static enum err file_check(const struct reading *in, struct str bytes, const char *public_text,
                           struct signed_heads *s, struct error *e)
{
    struct str body = bytes, head, line;
    struct signature sig;
    char sha[SHA_TEXT];
    bool good = false;
    if (!str_split(&body, '\n', &head) || head.n + 1 != strlen(title) ||
        memcmp(head.p, title, head.n) != 0 || !str_split(&body, '\n', &line) ||
        !signature_parse(line, &sig)) {
        find(in, in->path, "it is no signed copy of the register's heads");
        return ERR_OK;
    }
    bytes_sha256(body, sha);
    if (!str_is(sig.public, public_text)) {
        find(in, in->path, "it was signed with another key");
        return ERR_OK;
    }
    if (!str_is(sig.sha, sha) || !signature_holds(&sig, public_text) ||
        time_parse_iso(sig.time, &s->at, NULL)) {
        s->at = 0;
        find(in, in->path, "it was altered: the signature does not hold");
        return ERR_OK;
    }
    enum err r = heads_parse(body, &s->seen, &good, e);
    if (!r && !good)
        find(in, in->path, "a line in it names no head");
    return r;
}

enum err signed_heads_read(const char *path, const char *history, const char *public_text,
                           signed_finding_fn fn, void *ctx, struct signed_heads *ret_signed,
                           struct error *e)
{
    const struct reading in = {.fn = fn, .ctx = ctx, .path = path};
    struct signed_heads s = {0};
    struct str bytes = STR("");
    enum err r = heads_seen_init(&s.seen, e);
    if (r)
        return r;
    if (file_exists(path)) {
        r = file_read(path, FILE_MAX, s.seen.a, &bytes, e);
        if (!r)
            r = file_check(&in, bytes, public_text, &s, e);
    }
    if (!r && history)
        r = history_check(&in, history, s.at, public_text, e);
    if (r)
        signed_heads_done(&s);
    else
        *ret_signed = s;
    return r;
}

void signed_heads_done(struct signed_heads *s) { heads_seen_done(&s->seen); }

/* ---- writing */

static void first_finding(void *ctx, const char *text)
{
    char *first = ctx;
    if (!first[0])
        snprintf(first, TEXT_MAX, "%s", text);
}

/* Every head that was signed is still there, or a later one of its chain. */
static enum err not_older(const struct signed_heads *before, const struct heads_seen *now,
                          struct error *e)
{
    size_t at = 0;
    for (const struct head *was; (was = hashmap_next(&before->seen.heads, &at));) {
        const struct head *is = hashmap_get(&now->heads, str_from(was->chain));
        if (!is || is->seq < was->seq ||
            (is->seq == was->seq && memcmp(is->hash, was->hash, sizeof is->hash) != 0))
            return error_set(e, ERR_CORRUPT,
                             "register.heads is older than its last signature (chain %s): run "
                             "rollcall verify-register",
                             was->chain);
    }
    return ERR_OK;
}

static int by_chain(const void *a, const void *b)
{
    return strcmp((*(const struct head *const *)a)->chain, (*(const struct head *const *)b)->chain);
}

static enum err heads_print(const struct heads_seen *now, struct arena *a, struct buf *out,
                            struct error *e)
{
    size_t at = 0, n = 0;
    const struct head **list = arena_array(a, now->heads.n + 1, sizeof *list);
    if (!list)
        return error_set(e, ERR_NOMEM, "no memory to sign the register's heads");
    for (const struct head *head; (head = hashmap_next(&now->heads, &at));)
        list[n++] = head;
    qsort(list, n, sizeof *list, by_chain);
    for (size_t i = 0; i < n; i++) {
        char hash[2 * CHAIN_HASH_BYTES + 1];
        sodium_bin2hex(hash, sizeof hash, list[i]->hash, CHAIN_HASH_BYTES);
        buf_printf(out, "%s %lld %s\n", list[i]->chain, (long long)list[i]->seq, hash);
    }
    return buf_check(out, e);
}

static enum err history_add(const char *history, const char *line, struct error *e)
{
    char why[96];
    int fd = open(history, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    size_t n = strlen(line);
    bool good = fd >= 0 && write(fd, line, n) == (ssize_t)n && fsync(fd) == 0;
    enum err r = good ? ERR_OK
                      : error_set(e, ERR_IO, "cannot write %s: %s", history,
                                  strerror_r(errno, why, sizeof why));
    if (fd >= 0)
        close(fd);
    return r;
}

static enum err sign_and_write(const char *path, const char *history, const struct heads_seen *now,
                               const struct sign_key *key, usec_t at, struct arena *a,
                               struct buf *body, struct error *e)
{
    char sha[SHA_TEXT], when[TIME_TEXT], public[SIGN_PUBLIC_TEXT], sig[SIGN_TEXT];
    char statement[LINE_BYTES / 2], text[LINE_BYTES], line[LINE_BYTES];
    _cleanup_(buf_done) struct buf whole;
    buf_init(&whole, FILE_MAX);
    enum err r = heads_print(now, a, body, e);
    if (r)
        return r;
    bytes_sha256(buf_str(body), sha);
    time_format_iso(at, when);
    snprintf(statement, sizeof statement, "%s %zu %s", when, now->heads.n, sha);
    sign_public_text(key, public);
    sign_text(key, signed_text(str_from(statement), text), sig);
    snprintf(line, sizeof line, "%s %s %s\n", statement, public, sig);
    buf_append(&whole, str_from(title));
    buf_append(&whole, str_from(line));
    buf_append(&whole, buf_str(body));
    r = buf_check(&whole, e);
    if (!r)
        r = file_write(path, buf_str(&whole), 0600, e);
    return r ? r : history_add(history, line, e);
}

enum err signed_heads_write(const char *path, const char *history, const struct heads_seen *now,
                            const struct sign_key *key, usec_t at, struct error *e)
{
    char public[SIGN_PUBLIC_TEXT], finding[TEXT_MAX] = "";
    struct signed_heads before;
    if (now->bad_line)
        return error_set(e, ERR_CORRUPT,
                         "register.heads was altered: run rollcall "
                         "verify-register");
    sign_public_text(key, public);
    enum err r = signed_heads_read(path, NULL, public, first_finding, finding, &before, e);
    if (r)
        return r;
    r = finding[0] ? error_set(e, ERR_CORRUPT, "%s; take it away to sign again", finding)
                   : not_older(&before, now, e);
    if (!r) {
        _cleanup_(buf_done) struct buf body;
        buf_init(&body, FILE_MAX);
        r = sign_and_write(path, history, now, key, at, before.seen.a, &body, e);
    }
    signed_heads_done(&before);
    return r;
}
