/* The register as this installation keeps it: its keys, its hash, its heads file. Any thread; the
 * check is one pass over the register (store/register_check.h). */
#include "app/internal.h"

#include "attendance/chain.h"
#include "base/log.h"
#include "store/heads.h"

#include <stdio.h>
#include <string.h>

#include <sodium.h>

enum err app_master_key(const struct config *cfg, struct seal_key *ret_key, struct error *e)
{
    const char *hex = cfg->installation_key;
    char path[APP_PATH];
    size_t n = 0;
    if (!hex[0]) {
        snprintf(path, sizeof path, "%s/installation.key", cfg->data_dir);
        return seal_key_load(path, ret_key, e);
    }
    if (sodium_hex2bin(ret_key->bytes, SEAL_KEY_BYTES, hex, strlen(hex), NULL, &n, NULL) ||
        n != SEAL_KEY_BYTES)
        return error_set(e, ERR_INVALID, "installation_key must have 64 hexadecimal digits");
    return ERR_OK;
}

void app_register_hash(void *ctx, const struct register_event *event,
                       uint8_t ret_hash[static CHAIN_HASH_BYTES])
{
    const struct seal_key *key = ctx;
    const struct chain_event ev = {.chain = event->chain,
                                   .seq = event->seq,
                                   .at = event->at,
                                   .actor = event->actor,
                                   .student = event->student,
                                   .payload = event->payload};
    chain_hash(key->bytes, event->prev_hash, &ev, ret_hash);
}

static const char *heads_path(const struct config *cfg, char path[static APP_PATH])
{
    snprintf(path, APP_PATH, "%s/register.heads", cfg->data_dir);
    return path;
}

/* After a commit; the marks in it stand whatever happens here. */
static void on_head(void *ctx, struct str note)
{
    struct app *app = ctx;
    struct register_head head;
    struct error e = {0};
    memcpy(&head, note.p, sizeof head);
    if (heads_note(app->heads, str_from(head.chain), head.seq, head.hash, &e))
        log_failure(LOG_ERROR, "app", "head_not_written", &e);
}

enum err app_register_open(struct app *app, struct error *e)
{
    char path[APP_PATH];
    struct seal_key key;
    bool damaged = false;
    seal_key_derive(&app->master, "heads___", &key);
    enum err r = heads_open(heads_path(app->cfg, path), &key, &app->heads, &damaged, e);
    sodium_memzero(&key, sizeof key);
    if (r)
        return r;
    if (damaged || heads_were_damaged(path))
        app_warn(app,
                 "the register's heads file was altered; it is kept as %s.damaged: run "
                 "rollcall verify-register",
                 path);
    db_set_listener(app->db, on_head, app);
    return ERR_OK;
}

struct check {
    const struct register_hasher *hasher;
    struct heads_seen *seen;
    register_finding_fn fn;
    void *ctx;
    struct register_report report;
};

static enum err check_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct check *c = ctx;
    return register_check(cx, c->hasher, c->seen, c->fn, c->ctx, &c->report, e);
}

enum err app_register_check(const struct config *cfg, struct db *db, register_finding_fn fn,
                            void *ctx, struct register_report *ret_report, struct error *e)
{
    char path[APP_PATH];
    struct seal_key master, heads_key, register_key;
    struct heads_seen seen;
    enum err r = app_master_key(cfg, &master, e);
    if (r)
        return r;
    seal_key_derive(&master, "register", &register_key);
    seal_key_derive(&master, "heads___", &heads_key);
    const struct register_hasher hasher = {.fn = app_register_hash, .ctx = &register_key};
    struct check c = {.hasher = &hasher, .seen = &seen, .fn = fn, .ctx = ctx};
    r = heads_read(heads_path(cfg, path), &heads_key, &seen, e);
    if (!r) {
        r = db_read(db, check_fn, &c, e);
        heads_seen_done(&seen);
    }
    sodium_memzero(&master, sizeof master);
    sodium_memzero(&register_key, sizeof register_key);
    sodium_memzero(&heads_key, sizeof heads_key);
    if (r)
        return r;
    if (heads_were_damaged(path)) {
        char text[APP_PATH + 96];
        snprintf(text, sizeof text, "the heads file was altered once: see %s.damaged", path);
        fn(ctx, text);
        c.report.findings++;
    }
    *ret_report = c.report;
    return ERR_OK;
}
