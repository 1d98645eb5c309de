/* Live sessions: see live.h. One or two queries on a miss; a copy on a hit. */
#include "store/live.h"

#include "store/api_client.h"

#include <stdio.h>
#include <stdlib.h>

enum { LAYOUT = 1 }; /* grows when a struct above changes */

void live_session_key(struct session_id id, char ret_key[static LIVE_KEY])
{
    snprintf(ret_key, LIVE_KEY, "live%d:session:%s", LAYOUT, id.text);
}

void live_cameras_key(struct session_id id, char ret_key[static LIVE_KEY])
{
    snprintf(ret_key, LIVE_KEY, "live%d:cameras:%s", LAYOUT, id.text);
}

void live_roster_key(struct course_id id, char ret_key[static LIVE_KEY])
{
    snprintf(ret_key, LIVE_KEY, "live%d:roster:%s", LAYOUT, id.text);
}

struct load_ctx {
    const struct live_source *from;
    struct arena *a;
    struct session session;
    struct student_id *ids;
    struct camera_id *cameras;
    int n;
    int64_t version;
};

static enum err session_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct load_ctx *l = ctx;
    return session_get(cx, l->a, l->from->session, &l->session, e);
}

enum err live_session_load(void *ctx, struct arena *a, int64_t *ret_version, struct str *ret_bytes,
                           struct error *e)
{
    const struct live_source *from = ctx;
    struct load_ctx l = {.from = from, .a = a};
    enum err r = db_read(from->db, session_fn, &l, e);
    if (r)
        return r;
    struct live_session *s = arena_alloc(a, sizeof *s);
    if (!s)
        return error_set(e, ERR_NOMEM, "no memory for a session");
    s->id = l.session.id;
    s->course = l.session.course;
    s->status = l.session.status;
    s->started_at = l.session.started_at;
    s->ended_at = l.session.ended_at;
    s->confirmations = l.session.confirmations;
    s->late_after_min = l.session.late_after_min;
    s->version = l.session.version;
    *ret_version = s->version;
    *ret_bytes = (struct str){(const char *)s, sizeof *s};
    return ERR_OK;
}

static enum err cameras_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct load_ctx *l = ctx;
    enum err r = session_fn(cx, ctx, e);
    return r ? r : session_camera_list(cx, l->a, l->from->session, &l->cameras, &l->n, e);
}

enum err live_cameras_load(void *ctx, struct arena *a, int64_t *ret_version, struct str *ret_bytes,
                           struct error *e)
{
    const struct live_source *from = ctx;
    struct load_ctx l = {.from = from, .a = a};
    enum err r = db_read(from->db, cameras_fn, &l, e);
    if (r)
        return r;
    *ret_version = l.session.version;
    *ret_bytes =
        (struct str){l.cameras ? (const char *)l.cameras : "", (size_t)l.n * sizeof *l.cameras};
    return ERR_OK;
}

static enum err roster_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct load_ctx *l = ctx;
    return roster_ids(cx, l->a, l->from->course, time_utc(), &l->ids, &l->n, &l->version, e);
}

enum err live_roster_load(void *ctx, struct arena *a, int64_t *ret_version, struct str *ret_bytes,
                          struct error *e)
{
    const struct live_source *from = ctx;
    struct load_ctx l = {.from = from, .a = a};
    enum err r = db_read(from->db, roster_fn, &l, e);
    if (r)
        return r;
    *ret_version = l.version;
    *ret_bytes = (struct str){l.ids ? (const char *)l.ids : "", (size_t)l.n * sizeof *l.ids};
    return ERR_OK;
}

enum err live_session_parse(struct str bytes, struct live_session *ret_session, struct error *e)
{
    if (bytes.n != sizeof *ret_session)
        return error_set(e, ERR_CORRUPT, "a cached session has %zu bytes", bytes.n);
    memcpy(ret_session, bytes.p, bytes.n);
    return ERR_OK;
}

enum err live_roster_parse(struct str bytes, struct live_roster *ret_roster, struct error *e)
{
    if (bytes.n % sizeof *ret_roster->ids != 0)
        return error_set(e, ERR_CORRUPT, "a cached roster has %zu bytes", bytes.n);
    ret_roster->ids = (const struct student_id *)(const void *)bytes.p;
    ret_roster->n = (int)(bytes.n / sizeof *ret_roster->ids);
    return ERR_OK;
}

static int by_text(const void *a, const void *b)
{
    const struct student_id *x = a, *y = b;
    return strcmp(x->text, y->text);
}

bool live_roster_has(const struct live_roster *r, struct student_id student)
{
    return r->n && bsearch(&student, r->ids, (size_t)r->n, sizeof student, by_text);
}
