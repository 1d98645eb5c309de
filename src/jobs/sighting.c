/* What a recognised student's face leads to: evidence, and with enough of it the mark (pass.h).
 *
 * Order: commit, then present set; the event of a new mark is in the outbox with it. A redelivered
 * frame that made the mark answers `present` again. Worker threads; one commit a new mark, then one
 * for each minute of the session in which the student is seen: the row of store/presence.h. A frame
 * that comes after the session's end has its rules asked again, in the same commit. */
#include "jobs/pass.h"

#include "attendance/policy.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/look_alike.h"

#include <math.h>
#include <stdio.h>

#define PRESENT_SET_TTL USEC_PER_DAY

struct mark_ctx {
    struct pass *p;
    struct arena *a;
    struct mark mark, existing;
    struct outbox_event outbox;
    enum mark_outcome outcome;
    int64_t minute; /* of the session, when the frame was taken; -1: none */
    double score;
    bool found, settled;
    bool minute_known; /* the minute needs no row, or has it */
};

/* Minutes are those between the session's start and end. */
static int64_t minute_of(const struct pass *p, usec_t at)
{
    const struct sitting sitting = {p->session.started_at, p->session.ended_at};
    return sitting.end && at > sitting.end ? -1 : presence_minute(&sitting, at);
}

static enum err mark_look_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct mark_ctx *m = ctx;
    enum err r = mark_get(cx, m->a, m->mark.session, m->mark.student, &m->existing, e);
    m->found = r == ERR_OK && !mark_yields_to_sighting(m->existing.status, m->existing.source);
    if (!m->found)
        return r == ERR_NOT_FOUND ? ERR_OK : r;
    int64_t last = minute_of(m->p, m->existing.last_seen);
    m->minute_known = m->minute < 0 || m->minute == last;
    return m->minute >= last
               ? ERR_OK
               : presence_has(cx, m->mark.session, m->mark.student, m->minute, &m->minute_known, e);
}

/* The minute is one with a sighting; a session that is over is judged again. */
static enum err minute_write(struct db_cx *cx, struct mark_ctx *m, struct error *e)
{
    const struct mark_writer w = jobs_mark_writer(m->p->env->hasher);
    struct session s;
    enum err r = m->minute < 0
                     ? ERR_OK
                     : presence_add(cx, m->mark.session, m->mark.student, m->minute, m->score, e);
    if (r || m->p->session.status != SESSION_CLOSED)
        return r;
    r = session_get(cx, m->a, m->mark.session, &s, e);
    return r ? r : mark_settle(cx, m->a, &s, m->mark.student, STR("worker"), &w, &m->settled, e);
}

static enum err mark_touch_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct mark_ctx *m = ctx;
    enum err r = mark_touch(cx, m->mark.session, m->mark.student, m->mark.first_seen, e);
    return r ? r : minute_write(cx, m, e);
}

static enum err mark_insert_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct mark_ctx *m = ctx;
    enum err r = mark_insert(cx, m->a, &m->mark, STR("worker"), &m->p->env->hasher, m->outbox,
                             &m->outcome, &m->existing, e);
    return r || m->outcome != MARK_MADE ? r : minute_write(cx, m, e);
}

/* {"score":..., "sightings":..., ...} or null. */
static const char *liveness_json(const struct pass *p, int i)
{
    const struct pass_alive *alive = &p->alive[i];
    if (!alive->judged)
        return "null";
    const char *text = arena_printf(
        p->w->arena, "{\"score\":%.4f,\"sightings\":%d,\"threshold\":%g,\"policy\":\"%s\"}",
        alive->score.mean, alive->score.count, p->env->liveness_threshold,
        liveness_policy_name(p->env->liveness));
    return text ? text : "null";
}

/* What is kept as evidence: enough to explain the mark to the student it concerns. */
static struct str receipt(struct pass *p, int i, int sightings)
{
    const struct decide_result *d = &p->decided[i];
    const struct vision *vision = p->engine->vision;
    char margin[24] = "null"; /* nobody else to compare with */
    char captured_at[TIME_TEXT];
    time_format_iso(p->f->captured_at, captured_at);
    if (isfinite(d->margin))
        snprintf(margin, sizeof margin, "%.4f", d->margin);
    const char *table = p->env->threshold_override > 0
                            ? "override"
                            : calibration_version(&p->calibration, p->score_kind);
    char *text = arena_printf(
        p->w->arena,
        "{\"similarity\":%.4f,\"score\":\"%s\",\"table\":\"%s\",\"margin\":%s,\"threshold\":%.4f,"
        "\"risk_budget_per_10k\":%g,"
        "\"roster\":%d,\"quality\":%.3f,\"detector\":\"%s\",\"encoder\":\"%s\","
        "\"preprocessing\":\"%s\",\"model_sha256\":\"%s\",\"device\":\"%s\",\"precision\":\"%s\","
        "\"sightings\":%d,\"liveness\":%s,\"challenge\":%s,\"camera\":\"%s\","
        "\"captured_at\":\"%s\",\"frame\":\"%s\",\"confirmations\":%d}",
        pass_candidate(p, i)->score, score_kind_name(p->score_kind), table, margin, d->threshold,
        pass_risk_budget(p), p->roster.n, (double)p->seen.faces[i].quality, vision_detector(vision),
        vision_encoder(vision), vision_preprocessing(vision), vision_model_sha256(vision),
        vision_device(vision), vision_precision(vision), sightings, liveness_json(p, i),
        p->challenge_passed ? "\"passed\"" : "null", p->f->camera.text, captured_at,
        p->f->frame.text, (int)p->session.confirmations);
    return str_from(text);
}

static struct mark_ctx mark_context(struct pass *p, int i)
{
    struct mark_ctx m = {.p = p, .a = p->w->arena};
    m.mark.session = p->f->session;
    m.mark.student = pass_candidate(p, i)->student;
    m.mark.frame = p->f->frame;
    m.mark.first_seen = m.mark.last_seen = p->f->captured_at;
    m.mark.source = STR("face");
    m.minute = minute_of(p, p->f->captured_at);
    m.score = pass_candidate(p, i)->score;
    return m;
}

/* One sighting more of the student, and of who came next. Look-alikes are left out: the margin
 * between the two is their rule, and strangers are not like that. */
static void count_scores(const struct pass *p, int i)
{
    const struct decide_face *face = &p->faces[i];
    const char *encoder = vision_encoder(p->engine->vision);
    const char *preprocessing = vision_preprocessing(p->engine->vision);
    if (!p->w->tally || p->decided[i].candidate != 0)
        return;
    tally_add(p->w->tally, encoder, preprocessing, p->score_kind, SIGHTING_GENUINE,
              face->best[0].score);
    if (face->n < 2 || look_alike_has(p->look_alikes, face->best[0].student, face->best[1].student))
        return;
    tally_add(p->w->tally, encoder, preprocessing, p->score_kind,
              face->best[1].on_roster ? SIGHTING_ROSTER : SIGHTING_GALLERY, face->best[1].score);
}

static void show_mark(struct pass *p, int i, struct str status, usec_t first_seen)
{
    struct event_mark *m = arena_alloc(p->w->arena, sizeof *m);
    if (!m)
        return;
    *m = (struct event_mark){.status = status, .first_seen = first_seen};
    p->out[i].mark = m;
}

/* The student has a mark: present again when this very frame made it, else already present. */
static enum err show_standing(struct pass *p, int i, struct mark_ctx *m, struct error *e)
{
    bool same = strcmp(m->existing.frame.text, p->f->frame.text) == 0;
    p->decided[i].status = same ? FACE_STATUS_PRESENT : FACE_STATUS_ALREADY_PRESENT;
    show_mark(p, i, m->existing.status, m->existing.first_seen);
    if (m->minute_known)
        return ERR_OK; /* not a write for every frame */
    enum err r = db_tx(p->env->db, mark_touch_fn, m, e);
    if (r)
        return r;
    count_scores(p, i);
    p->made_mark |= m->settled;
    return ERR_OK;
}

static enum err make_mark(struct pass *p, int i, struct mark_ctx *m, int sightings, struct error *e)
{
    const struct attendance_policy policy = {.late_after =
                                                 p->session.late_after_min * USEC_PER_MIN};
    m->mark.status = str_from(
        mark_status_name(mark_status_at(&policy, p->session.started_at, p->f->captured_at)));
    m->mark.receipt = receipt(p, i, sightings);
    m->mark.created_at = time_utc();
    m->mark.student_external_id = p->out[i].student->external_id;
    m->mark.student_name = p->out[i].student->name;
    enum err r = jobs_mark_event(NULL, p->w->arena, &m->mark, &m->outbox, e);
    if (r == ERR_OK)
        r = db_tx(p->env->db, mark_insert_fn, m, e);
    if (r)
        return r;
    if (m->outcome == MARK_MADE) {
        metric_add(METRIC_marks_total, 1);
        p->made_mark = true;
        count_scores(p, i);
        p->decided[i].status = FACE_STATUS_PRESENT;
        show_mark(p, i, m->mark.status, m->mark.first_seen);
        return ERR_OK;
    }
    return show_standing(p, i, m, e);
}

enum err pass_sighting(struct pass *p, int i, struct error *e)
{
    char set[96], evidence[144];
    const char *student = pass_candidate(p, i)->student.text, *session = p->f->session.text;
    snprintf(set, sizeof set, "present:%s", session);
    struct mark_ctx m = mark_context(p, i);
    bool has = false;
    struct error ignored;
    if (bus_set_has(p->env->bus, str_from(set), str_from(student), &has, &ignored) == ERR_OK &&
        has) {
        enum err r = db_read(p->env->db, mark_look_fn, &m, e);
        if (r || m.found)
            return r ? r : show_standing(p, i, &m, e);
    }
    int count = 1;
    if (pass_confirmations(p) > 1) {
        const struct bus_evidence_rule rule = {.gap = p->env->confirm_gap,
                                               .window = p->env->confirm_window};
        snprintf(evidence, sizeof evidence, "evidence:%s:%s", session, student);
        enum err r = bus_evidence_add(p->env->bus, str_from(evidence), str_from(p->f->frame.text),
                                      p->f->captured_at, &rule, &count, e);
        if (r)
            return r;
        if (count < pass_confirmations(p)) {
            r = db_read(p->env->db, mark_look_fn, &m, e);
            return r || !m.found ? r : show_standing(p, i, &m, e);
        }
    }
    enum err r = make_mark(p, i, &m, count, e);
    if (r == ERR_OK &&
        bus_set_add(p->env->bus, str_from(set), str_from(student), PRESENT_SET_TTL, &ignored))
        log_event(LOG_DEBUG, "jobs", "present_set_missed", "code=%s", err_name(ignored.code));
    return r;
}
