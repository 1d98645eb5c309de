/* The register as this installation keeps it: its keys, its hash, its heads file. Any thread; the
 * check is one pass over the register (store/register_check.h). */
#include "app/internal.h"

#include "attendance/chain.h"
#include "base/file.h"
#include "base/log.h"
#include "base/sign.h"
#include "store/heads.h"
#include "store/report.h"
#include "store/signed_heads.h"

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

static const char HEADS_FILE[] = "register.heads", SIGNED_FILE[] = "register.signed",
                  HISTORY_FILE[] = "register.signatures";
enum { SIGNED_MAX = 64 * MIB };

static const char *data_path(const struct config *cfg, const char *name, char path[static APP_PATH])
{
    snprintf(path, APP_PATH, "%s/%s", cfg->data_dir, name);
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
    enum err r = heads_open(data_path(app->cfg, HEADS_FILE, path), &key, &app->heads, &damaged, e);
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
    struct register_heads heads[REGISTER_HEADS_MAX];
    register_finding_fn fn;
    void *ctx;
    int64_t outside; /* findings that are not of the database */
    struct register_report report;
};

static void outside_finding(void *ctx, const char *text)
{
    struct check *c = ctx;
    c->outside++;
    c->fn(c->ctx, text);
}

static enum err check_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct check *c = ctx;
    return register_check(cx, c->hasher, c->heads, ARRAY_LEN(c->heads), c->fn, c->ctx, &c->report,
                          e);
}

/* The keys of the register, derived from the installation key. */
struct keys {
    struct seal_key heads, register_key;
    char public[SIGN_PUBLIC_TEXT];
};

static enum err keys_load(const struct config *cfg, struct keys *ret_keys, struct error *e)
{
    struct seal_key master;
    struct sign_key signing;
    enum err r = app_master_key(cfg, &master, e);
    if (r)
        return r;
    seal_key_derive(&master, "register", &ret_keys->register_key);
    seal_key_derive(&master, "heads___", &ret_keys->heads);
    sign_key_derive(&master, &signing);
    sign_public_text(&signing, ret_keys->public);
    sodium_memzero(&master, sizeof master);
    sodium_memzero(&signing, sizeof signing);
    return ERR_OK;
}

static enum err compare(const struct config *cfg, struct db *db, const struct keys *keys,
                        const char *signed_copy, struct check *c, struct error *e)
{
    char path[APP_PATH], signed_path[APP_PATH], history[APP_PATH];
    struct heads_seen seen;
    struct signed_heads signed_heads;
    data_path(cfg, SIGNED_FILE, signed_path);
    data_path(cfg, HISTORY_FILE, history);
    enum err r =
        signed_heads_read(signed_copy ? signed_copy : signed_path, signed_copy ? NULL : history,
                          keys->public, outside_finding, c, &signed_heads, e);
    if (r)
        return r;
    r = heads_read(data_path(cfg, HEADS_FILE, path), &keys->heads, &seen, e);
    if (!r) {
        c->heads[0] = (struct register_heads){&seen, "the heads file"};
        c->heads[1] = (struct register_heads){&signed_heads.seen, "the signed heads"};
        r = db_read(db, check_fn, c, e);
        heads_seen_done(&seen);
    }
    c->report.signed_at = signed_heads.at;
    signed_heads_done(&signed_heads);
    if (!r && heads_were_damaged(path)) {
        char text[APP_PATH + 96];
        snprintf(text, sizeof text, "the heads file was altered once: see %s.damaged", path);
        outside_finding(c, text);
    }
    return r;
}

static enum err keep_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    return report_verification_set(cx, ctx, e);
}

/* For the heads of reports. A database that cannot be written to can be verified all the same. */
static void verification_keep(struct db *db, const struct register_report *report)
{
    struct report_verification v = {.at = time_utc(),
                                    .chains = report->chains,
                                    .events = report->events,
                                    .marks = report->marks,
                                    .findings = report->findings};
    struct error e = {0};
    if (db_tx(db, keep_fn, &v, &e))
        log_failure(LOG_WARN, "app", "verification_not_kept", &e);
}

enum err app_register_check(const struct config *cfg, struct db *db, const char *signed_copy,
                            register_finding_fn fn, void *ctx, struct register_report *ret_report,
                            struct error *e)
{
    struct keys keys;
    enum err r = keys_load(cfg, &keys, e);
    if (r)
        return r;
    const struct register_hasher hasher = {.fn = app_register_hash, .ctx = &keys.register_key};
    struct check c = {.hasher = &hasher, .fn = fn, .ctx = ctx};
    r = compare(cfg, db, &keys, signed_copy, &c, e);
    if (!r) {
        c.report.findings += c.outside;
        memcpy(c.report.public_key, keys.public, sizeof c.report.public_key);
        *ret_report = c.report;
        verification_keep(db, &c.report);
    }
    sodium_memzero(&keys, sizeof keys);
    return r;
}

static enum err signed_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    const usec_t *at = ctx;
    return report_signed_set(cx, *at, e);
}

enum err app_register_sign(struct app *app, struct error *e)
{
    char path[APP_PATH], history[APP_PATH];
    struct seal_key heads_key;
    struct sign_key key;
    struct heads_seen seen;
    usec_t at = time_utc();
    seal_key_derive(&app->master, "heads___", &heads_key);
    enum err r = heads_read(data_path(app->cfg, HEADS_FILE, path), &heads_key, &seen, e);
    sodium_memzero(&heads_key, sizeof heads_key);
    if (r)
        return r;
    sign_key_derive(&app->master, &key);
    r = signed_heads_write(data_path(app->cfg, SIGNED_FILE, path),
                           data_path(app->cfg, HISTORY_FILE, history), &seen, &key, at, e);
    if (!r)
        r = db_tx(app->db, signed_fn, &at, e);
    sodium_memzero(&key, sizeof key);
    heads_seen_done(&seen);
    return r;
}

enum err app_register_signed(struct app *app, struct arena *a, struct str *ret_text,
                             struct error *e)
{
    char path[APP_PATH];
    if (!file_exists(data_path(app->cfg, SIGNED_FILE, path)))
        return error_set(e, ERR_NOT_FOUND,
                         "the register has not been signed yet: run the periodic job signature");
    return file_read(path, SIGNED_MAX, a, ret_text, e);
}
