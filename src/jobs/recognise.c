/* Recognition: one frame from bytes to marks and events (DESIGN section 3).
 *
 * Runs on worker threads. Delivery is at least once, so everything here may happen again with the
 * same frame: evidence is counted per frame, the mark is inserted at most once, and a redelivered
 * frame that made a mark answers `present` again. Order: commit, then present set, then publish.
 * Memory: the worker's arena, wiped by the caller. Cost: the models' (see `rollcall bench`). */
#include "jobs/pass.h"

#include "attendance/event.h"
#include "base/log.h"
#include "base/metrics.h"
#include "bus/cached.h"
#include "store/live.h"
#include "store/look_alike.h"
#include "store/student.h"

#include <math.h>
#include <stdio.h>

static double ms_since(usec_t start) { return (double)(time_mono() - start) / 1000.0; }

enum err pass_look_alikes(struct pass *p, struct error *e)
{
    char key[LOOK_ALIKE_KEY];
    struct look_alike_source from = {
        .db = p->env->db,
        .of = {.encoder = str_from(vision_encoder(p->engine->vision)),
               .preprocessing = str_from(vision_preprocessing(p->engine->vision))}};
    look_alike_key(&from.of, key);
    return bus_cached(p->env->bus, p->w->arena, str_from(key), p->env->cache_ttl, look_alike_load,
                      &from, &p->look_alikes, e);
}

static enum err load_session(struct pass *p, struct error *e)
{
    char key[LIVE_KEY];
    struct str bytes;
    struct live_source from = {.db = p->env->db, .session = p->f->session};
    live_session_key(p->f->session, key);
    enum err r = bus_cached(p->env->bus, p->w->arena, str_from(key), p->env->cache_ttl,
                            live_session_load, &from, &bytes, e);
    if (r == ERR_OK)
        r = live_session_parse(bytes, &p->session, e);
    if (r)
        return r;
    from.course = p->session.course;
    live_roster_key(p->session.course, key);
    r = bus_cached(p->env->bus, p->w->arena, str_from(key), p->env->cache_ttl, live_roster_load,
                   &from, &bytes, e);
    if (r == ERR_OK)
        r = live_roster_parse(bytes, &p->roster, e);
    return r ? r : pass_look_alikes(p, e);
}

/* A live frame counts while its session runs; an offline one that was captured before the end,
 * until the grace period is over. */
static bool session_takes(const struct pass *p)
{
    if (p->session.status == SESSION_ACTIVE)
        return true;
    return p->f->offline && p->session.status == SESSION_CLOSED &&
           p->f->captured_at <= p->session.ended_at &&
           time_utc() - p->session.ended_at < p->env->offline_grace;
}

static double threshold_for(const struct pass *p, int64_t people)
{
    if (p->env->threshold_override > 0)
        return p->env->threshold_override;
    return calibration_threshold(&p->calibration, vision_encoder(p->engine->vision),
                                 vision_preprocessing(p->engine->vision), p->score_kind,
                                 pass_risk_budget(p), people);
}

/* Between the two of a look-alike pair a larger margin is asked. */
static void widen_margins(const struct pass *p, struct decide_face *face)
{
    double extra = p->env->look_alike_margin - p->env->match_margin;
    for (int i = 0; extra > 0 && i < face->n; i++)
        for (int k = 0; k < face->n; k++)
            if (look_alike_has(p->look_alikes, face->best[i].student, face->best[k].student))
                face->best[i].margin_extra = extra;
}

static void fill_candidates(const struct pass *p, const struct gallery_match *m,
                            struct decide_face *face)
{
    _Static_assert((int)GALLERY_BEST <= (int)DECIDE_CANDIDATES, "room for all that are found");
    for (face->n = 0; face->n < m->n; face->n++) {
        const struct gallery_hit *hit = &m->best[face->n];
        face->best[face->n] =
            (struct decide_candidate){.student = hit->student,
                                      .score = (double)hit->score,
                                      .on_roster = live_roster_has(&p->roster, hit->student)};
    }
    widen_margins(p, face);
}

enum err pass_match(struct pass *p, struct error *e)
{
    int n = p->seen.n, used = 0, dim = vision_dim(p->engine->vision);
    struct arena *a = p->w->arena;
    p->matches = arena_array(a, (size_t)n, sizeof *p->matches);
    p->faces = arena_array(a, (size_t)n, sizeof *p->faces);
    p->decided = arena_array(a, (size_t)n, sizeof *p->decided);
    p->out = arena_array(a, (size_t)n, sizeof *p->out);
    p->alive = arena_array(a, (size_t)n, sizeof *p->alive);
    float *probes = arena_array(a, (size_t)n * (size_t)dim, sizeof *probes);
    if (!p->matches || !p->faces || !p->decided || !p->out || !p->alive || !probes)
        return error_set(e, ERR_NOMEM, "no memory to match %d faces", n);
    for (int i = 0; i < n; i++)
        if (p->seen.faces[i].embedding)
            memcpy(probes + (ptrdiff_t)dim * used++, p->seen.faces[i].embedding,
                   (size_t)dim * sizeof *probes);
    enum err r = used ? gallery_search(p->engine->gallery, probes, used, p->matches, e) : ERR_OK;
    if (r)
        return r;
    p->score_kind = used && p->matches[0].hub ? SCORE_HUB : SCORE_COSINE;
    for (int i = n - 1; i >= 0; i--) {
        if (!p->seen.faces[i].embedding)
            continue;
        p->faces[i] = (struct decide_face){.usable = true, .alive = true};
        fill_candidates(p, &p->matches[--used], &p->faces[i]);
    }
    return ERR_OK;
}

static enum err names_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct pass *p = ctx;
    for (int i = 0; i < p->seen.n; i++) {
        if (!p->decided[i].names_student)
            continue;
        struct student s;
        enum err r = student_get(cx, p->w->arena, pass_candidate(p, i)->student, &s, e);
        bool known = r == ERR_OK && str_is(s.status, "active");
        if (r == ERR_NOT_FOUND || (r == ERR_OK && !known)) { /* erased a moment ago, or inactive */
            p->decided[i] = (struct decide_result){.status = FACE_STATUS_UNKNOWN};
            continue;
        }
        struct event_student *who = r ? NULL : arena_alloc(p->w->arena, sizeof *who);
        if (!who)
            return r ? r : error_set(e, ERR_NOMEM, "no memory for a name");
        memcpy(who->id, s.id.text, ID_TEXT);
        who->external_id = s.external_id;
        who->name = s.name;
        p->out[i].student = who;
    }
    return ERR_OK;
}

enum err pass_decide(struct pass *p, struct error *e)
{
    enum err r = calibration_cached(p->env, p->engine, p->w->arena, &p->calibration, e);
    if (r)
        return r;
    p->thresholds = (struct decide_thresholds){
        .roster = threshold_for(p, p->roster.n),
        .gallery = threshold_for(p, (int64_t)gallery_count(p->engine->gallery)),
        .margin = p->env->match_margin};
    decide_frame(p->faces, p->seen.n, &p->thresholds, p->decided);
    return ERR_OK;
}

static enum err decide_and_mark(struct pass *p, struct error *e)
{
    enum err r = pass_decide(p, e);
    if (r == ERR_OK)
        r = pass_alive(p, e);
    if (r == ERR_OK)
        r = db_read(p->env->db, names_fn, p, e);
    if (r == ERR_OK && p->f->challenge[0])
        return pass_challenge(p, e);
    for (int i = 0; r == ERR_OK && i < p->seen.n; i++)
        if (p->decided[i].status == FACE_STATUS_CONFIRMING)
            r = pass_sighting(p, i, e);
    return r;
}

static void fill_face(struct pass *p, int i)
{
    const struct vision_face *v = &p->seen.faces[i];
    struct event_face *o = &p->out[i];
    memcpy(o->box, v->face.box, sizeof o->box);
    memcpy(o->landmarks, v->face.points, sizeof o->landmarks);
    o->score = (double)v->face.score;
    o->quality = (double)v->quality;
    o->flaw = v->flaw == FACE_OK ? (struct str){0} : str_from(face_flaw_name(v->flaw));
    o->status = str_from(face_status_name(p->decided[i].status));
    o->liveness = p->alive[i].judged ? p->alive[i].score.mean : (double)v->liveness;
    bool compared = p->faces[i].usable && p->faces[i].n > 0;
    o->similarity = compared ? pass_candidate(p, i)->score : NAN;
    bool thresholded = compared && p->decided[i].status != FACE_STATUS_SPOOF;
    o->threshold = thresholded && isfinite(p->decided[i].threshold) ? p->decided[i].threshold : NAN;
    o->score_kind = compared ? str_from(score_kind_name(p->score_kind)) : (struct str){0};
}

static enum err publish_result(struct pass *p, struct error *e)
{
    struct event_frame_result r = {.type = STR("frame_result"),
                                   .captured_at = p->f->captured_at,
                                   .processed_at = time_utc(),
                                   .width = p->seen.width,
                                   .height = p->seen.height,
                                   .faces = p->out,
                                   .n_faces = p->seen.n,
                                   .challenge = p->challenge};
    memcpy(r.session, p->f->session.text, ID_TEXT);
    memcpy(r.camera, p->f->camera.text, ID_TEXT);
    memcpy(r.frame, p->f->frame.text, ID_TEXT);
    for (int i = 0; i < p->seen.n; i++)
        fill_face(p, i);
    p->timing.decode = (double)p->seen.timing.decode_us / 1000;
    p->timing.detect = (double)p->seen.timing.detect_us / 1000;
    p->timing.align = (double)p->seen.timing.align_us / 1000;
    p->timing.embed = (double)p->seen.timing.embed_us / 1000;
    p->timing.liveness = (double)p->seen.timing.liveness_us / 1000;
    p->timing.total = ms_since(p->started_mono);
    r.timing_ms = p->timing;
    char topic[64];
    struct str envelope;
    int64_t id;
    event_topic(p->f->session, topic);
    enum err err =
        event_pack_result(p->w->arena, p->f->frame.text, &r, BUS_EVENT_MAX, &envelope, e);
    return err ? err : bus_publish(p->env->bus, str_from(topic), envelope, &id, e);
}

/* Lost word of a new outbox row costs its event a second: housekeeping looks by itself. */
static void tell_outbox(struct pass *p)
{
    struct error e = {0};
    int64_t id;
    if (bus_publish(p->env->bus, STR(EVENT_TOPIC_OUTBOX), STR(""), &id, &e))
        log_failure(LOG_DEBUG, "jobs", "outbox_not_told", &e);
}

enum err pass_begin(struct pass *p, struct worker *w, const struct work_frame *f, struct error *e)
{
    *p = (struct pass){
        .w = w, .env = w->env, .engine = w->engines.active, .f = f, .started_mono = time_mono()};
    enum err r = load_session(p, e);
    if (r != ERR_NOT_FOUND && (r || session_takes(p)))
        return r;
    p->over = true;
    return recognise_dropped(w, f->session, f->frame, "session_closed", "the session does not run",
                             e);
}

/* Images that will never be readable end here, announced; everything else may be tried again. */
enum err pass_looked(struct pass *p, enum err r, struct error *e)
{
    if (r != ERR_UNPROCESSABLE && r != ERR_UNSUPPORTED && r != ERR_TOO_LARGE && r != ERR_INVALID)
        return r;
    p->over = true;
    const char *why = arena_strdup(p->w->arena, str_from(e->msg));
    return recognise_dropped(p->w, p->f->session, p->f->frame, "unreadable", why, e);
}

enum err pass_end(struct pass *p, struct error *e)
{
    usec_t start = time_mono();
    enum err r = pass_match(p, e);
    p->timing.match = ms_since(start);
    start = time_mono();
    if (r == ERR_OK)
        r = decide_and_mark(p, e);
    p->timing.mark = ms_since(start);
    if (r == ERR_OK)
        r = publish_result(p, e);
    if (r)
        return error_wrap(e, r, "frame %s", p->f->frame.text);
    if (p->made_mark)
        tell_outbox(p);
    metric_add(METRIC_frames_processed_total, 1);
    metric_add(METRIC_faces_total, p->seen.n);
    return ERR_OK;
}

enum err recognise_frame(struct worker *w, const struct work_frame *f, struct error *e)
{
    struct pass p;
    enum err r = pass_begin(&p, w, f, e);
    if (!r && !p.over) {
        const struct vision_tick tick = {.fn = claim_tick, .ctx = w};
        r = f->still ? vision_analyse_still(p.engine->vision, w->arena, f->image,
                                            w->env->photo_max_pixels, &tick, &p.seen, e)
                     : vision_analyse(p.engine->vision, w->arena, f->image,
                                      w->env->image_max_pixels, &p.seen, e);
        r = pass_looked(&p, r, e);
    }
    if (r || p.over)
        return r;
    r = pass_end(&p, e);
    if (r == ERR_OK)
        pass_shadow(&p);
    return r;
}

enum err recognise_dropped(struct worker *w, struct session_id session, struct frame_id frame,
                           const char *reason, const char *detail, struct error *e)
{
    struct event_frame_dropped d = {
        .type = STR("frame_dropped"), .reason = str_from(reason), .detail = str_from(detail)};
    memcpy(d.session, session.text, ID_TEXT);
    memcpy(d.frame, frame.text, ID_TEXT);
    char topic[64];
    struct str envelope;
    int64_t id;
    event_topic(session, topic);
    enum err r = event_pack(w->arena, EVENT_FRAME_DROPPED, frame.text, &event_frame_dropped_schema,
                            &d, &envelope, e);
    if (r == ERR_OK)
        r = bus_publish(w->env->bus, str_from(topic), envelope, &id, e);
    metric_add(METRIC_frames_dropped_total, r == ERR_OK);
    return r ? error_wrap(e, r, "drop of frame %s", frame.text) : ERR_OK;
}
