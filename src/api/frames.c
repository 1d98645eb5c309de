/* Frames: the way in (DESIGN section 3). The hot path: on cache hits it touches no database.
 * Handler threads. What 202 promises: the frame ends processed or is announced as dropped, or dies
 * with the one process of the embedded default, which is announced at the next start. */
#include "api/frame_in.h"

#include "base/metrics.h"
#include "bus/cached.h"
#include "queue/work.h"
#include "store/live.h"

#include <stdio.h>

#define FRAME_WAIT_MAX (10 * USEC_PER_SEC)
#define CAMERA_SEEN_EVERY USEC_PER_MIN
#define FRAME_KEY_TTL (10 * USEC_PER_MIN)
/* How far a camera's clock may run ahead before its time is not believed. */
#define CLOCK_AHEAD_MAX (5 * USEC_PER_SEC)

struct frame_out {
    char frame[ID_TEXT];
    struct str status;
};

static const struct field frame_fields[] = {
    FIELD_ID(struct frame_out, frame, FIELD_REQUIRED, "The frame's id, as in its frame_result."),
    FIELD_STR(struct frame_out, status, 0, 32, FIELD_REQUIRED, "queued."),
};
const struct schema frame_schema = SCHEMA("FrameAccepted", struct frame_out, frame_fields);

static enum err read_flag(struct call *c, const char *name, bool *ret_flag, struct error *e)
{
    struct str v;
    enum err r = call_query(c, name, &v, e);
    if (r)
        return r;
    if (v.p && !str_is(v, "0") && !str_is(v, "1"))
        return error_set(e, ERR_INVALID, "%s must be 0 or 1", name);
    *ret_flag = v.p && str_is(v, "1");
    return ERR_OK;
}

static enum err read_camera(struct call *c, struct frame_in *in, struct error *e)
{
    struct str camera;
    enum err r = call_query(c, "camera", &camera, e);
    if (r == ERR_OK && camera.p)
        r = error_wrap(e, id_parse(camera, in->work.frame.camera.text, e), "camera");
    if (r == ERR_OK)
        r = call_query(c, "boot", &in->boot, e);
    if (r == ERR_OK)
        r = call_query(c, "seq", &in->seq, e);
    if (r == ERR_OK && (in->boot.n > 40 || in->seq.n > 20))
        r = error_set(e, ERR_INVALID, "boot has at most 40 characters, seq 20");
    return r;
}

enum err frame_in_read(struct call *c, struct frame_in *in, struct error *e)
{
    struct str captured;
    struct work_frame *f = &in->work.frame;
    enum err r = read_camera(c, in, e);
    if (r == ERR_OK)
        r = read_flag(c, "wait", &in->wait, e);
    if (r == ERR_OK)
        r = read_flag(c, "offline", &f->offline, e);
    if (r == ERR_OK)
        r = call_query(c, "captured_at", &captured, e);
    f->received_at = f->captured_at = time_utc();
    if (r == ERR_OK && captured.p)
        r = time_parse_iso(captured, &f->captured_at, e);
    if (r == ERR_OK && f->captured_at > f->received_at + CLOCK_AHEAD_MAX)
        return error_set(e, ERR_INVALID,
                         "captured_at lies in the future: check the camera's clock");
    return r;
}

/* Only what looks like a picture is queued: the first bytes tell, nothing is decoded here. */
enum err frame_in_check(struct str b, struct error *e)
{
    if (b.n == 0)
        return error_set(e, ERR_UNPROCESSABLE, "the picture is empty (0 bytes)");
    bool jpeg = b.n > 3 && memcmp(b.p, "\xFF\xD8\xFF", 3) == 0;
    bool png = b.n > 8 && memcmp(b.p, "\x89PNG\r\n\x1a\n", 8) == 0;
    bool webp = b.n > 12 && memcmp(b.p, "RIFF", 4) == 0 && memcmp(b.p + 8, "WEBP", 4) == 0;
    bool heif = b.n > 12 && memcmp(b.p + 4, "ftyp", 4) == 0;
    if (!jpeg && !png && !webp && !heif)
        return error_set(e, ERR_UNSUPPORTED, "this is no JPEG, PNG, WebP or HEIC picture");
    return ERR_OK;
}

enum err frame_in_session(struct call *c, struct work_frame *f, struct error *e)
{
    char key[LIVE_KEY];
    struct str bytes;
    struct live_session s;
    const struct config *cfg = c->api->env.config;
    struct live_source from = {.db = c->api->env.db, .session = f->session};
    live_session_key(f->session, key);
    enum err r = bus_cached(c->api->env.bus, c->a, str_from(key), cfg->cache_ttl_s * USEC_PER_SEC,
                            live_session_load, &from, &bytes, e);
    if (r == ERR_OK)
        r = live_session_parse(bytes, &s, e);
    if (r == ERR_OK)
        r = frame_in_camera(c, f, e);
    if (r)
        return r;
    if (s.status == SESSION_ACTIVE)
        return ERR_OK;
    usec_t grace = cfg->offline_grace_days * USEC_PER_DAY;
    if (f->offline && s.status == SESSION_CLOSED && f->received_at - s.ended_at < grace)
        return ERR_OK;
    return error_set(e, ERR_CONFLICT, "the session is %s: frames are taken while it is active",
                     session_status_name(s.status));
}

/* boot's length keeps "a:1" + "2" apart from "a" + "1:2". */
static void frame_key(const struct frame_in *in, char ret_key[static BUS_KEY_MAX])
{
    const struct work_frame *f = &in->work.frame;
    char part[16] = "";
    if (f->still)
        snprintf(part, sizeof part, ":%d", in->part);
    snprintf(ret_key, BUS_KEY_MAX, "frame:%s:%s:%zu:%.*s:%.*s%s", f->session.text, f->camera.text,
             in->boot.n, STR_ARGS(in->boot), STR_ARGS(in->seq), part);
}

/* (camera, boot, seq) names a frame: a retried POST is the same frame. ret_again: it is here. */
static enum err frame_identity(struct call *c, struct frame_in *in, bool *ret_again,
                               struct error *e)
{
    struct work_frame *f = &in->work.frame;
    struct str existing;
    char key[BUS_KEY_MAX];
    id_new(f->frame.text);
    *ret_again = false;
    if (!in->boot.p || !in->seq.p)
        return ERR_OK;
    frame_key(in, key);
    enum err r = bus_put_once(c->api->env.bus, c->a, str_from(key), str_from(f->frame.text),
                              FRAME_KEY_TTL, &existing, e);
    if (r || !existing.p)
        return r;
    *ret_again = true;
    return id_parse(existing, f->frame.text, e);
}

/* The frame was refused: its identity must not stand in the way of the retry. */
static void forget_identity(struct call *c, const struct frame_in *in)
{
    char key[BUS_KEY_MAX];
    struct str taken;
    struct error ignored;
    if (!in->boot.p || !in->seq.p)
        return;
    frame_key(in, key);
    enum err r = bus_take(c->api->env.bus, c->a, str_from(key), &taken, &ignored);
    (void)r;
}

static enum err enqueue(struct call *c, struct frame_in *in, struct error *e)
{
    struct work_frame *f = &in->work.frame;
    char tag[WORK_TAG];
    work_tag(f, tag);
    struct queue_push push = {.lane = f->offline || f->still ? QUEUE_BULK : QUEUE_LIVE,
                              .producer =
                                  str_from(f->camera.text[0] ? f->camera.text : c->who.user),
                              .tag = str_from(tag)};
    in->work.kind = WORK_FRAME;
    enum err r = work_pack(c->a, &in->work, &push.bytes, e);
    if (r == ERR_OK)
        r = queue_push(c->api->env.queue, &push, e);
    if (r == ERR_FULL) {
        metric_add(METRIC_frames_rejected_total, 1);
        c->retry_after_s = 1;
    }
    if (r == ERR_OK)
        metric_add(METRIC_frames_accepted_total, 1);
    return r;
}

static enum err accepted(struct call *c, const char *frame, struct error *e)
{
    void *memory;
    enum err r = call_alloc(c, sizeof(struct frame_out), &memory, e);
    if (r)
        return r;
    struct frame_out *out = memory;
    memcpy(out->frame, frame, ID_TEXT);
    out->status = STR("queued");
    c->out = out;
    return ERR_OK;
}

static enum err seen_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    const struct work_frame *f = ctx;
    return camera_seen(cx, f->camera, f->received_at, f->received_at - CAMERA_SEEN_EVERY, e);
}

/* The camera is alive: noted once a minute. Nothing hangs on it. */
static void note_camera(struct call *c, struct work_frame *f)
{
    char key[BUS_KEY_MAX];
    struct str before;
    struct error ignored;
    if (!f->camera.text[0])
        return;
    snprintf(key, sizeof key, "seen:%s", f->camera.text);
    enum err r = bus_put_once(c->api->env.bus, c->a, str_from(key), STR("1"), CAMERA_SEEN_EVERY,
                              &before, &ignored);
    if (r == ERR_OK && !before.p)
        r = db_tx(c->api->env.db, seen_fn, f, &ignored);
}

enum err frame_in_take(struct call *c, struct frame_in *in, usec_t patience, struct error *e)
{
    struct work_frame *f = &in->work.frame;
    bool again = false;
    enum err r = frame_identity(c, in, &again, e);
    if (r || again)
        return r;
    if (in->wait)
        r = waiters_add(c->api, f->session, f->frame, c->req->conn, patience, e);
    if (r == ERR_OK)
        r = enqueue(c, in, e);
    if (r) {
        forget_identity(c, in);
        waiters_remove(c->api, f->frame);
        return r;
    }
    note_camera(c, f);
    c->pending = in->wait;
    return ERR_OK;
}

enum err frame_create(struct call *c, struct error *e)
{
    struct frame_in in = {0};
    struct work_frame *f = &in.work.frame;
    f->image = c->req->body;
    enum err r = call_id(c, 0, f->session.text, e);
    if (r == ERR_OK)
        r = frame_in_read(c, &in, e);
    if (r == ERR_OK)
        r = frame_in_session(c, f, e);
    if (r == ERR_OK)
        r = frame_in_check(f->image, e);
    if (r == ERR_OK)
        r = frame_in_take(c, &in, FRAME_WAIT_MAX, e);
    return r ? r : accepted(c, f->frame.text, e);
}
