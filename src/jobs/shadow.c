/* The shadow: what the other engine would have made of a frame that was just decided (engine.h).
 *
 * Runs after the result is published, for `shadow_share` of the frames, chosen by the frame's id so
 * that one delivered twice is chosen twice alike. The other engine looks at the same picture with
 * its own detector, encoder, gallery and thresholds; faces are paired by their boxes. What it would
 * decide is counted and never acted upon. Model: two decisions a face, both from attendance/decide.
 * Cost: one more frame. Worker threads; memory: the worker's arenas. A failure costs a count. */
#include "jobs/pass.h"

#include "base/log.h"
#include "store/engine.h"

/* Boxes of one face by two detectors overlap by more, those of neighbours by less. */
static const float SAME_FACE_IOU = 0.3f;

struct comparison {
    int64_t generation;
    struct engine_tally tally;
    struct engine_difference *differences;
    int n;
};

/* Also false for a frame that had no decision. */
static bool is_sampled(const struct pass *p)
{
    const struct engine_pair *pair = &p->w->engines;
    if (!pair->shadow || !atomic_load(&pair->shadow->loaded) || !p->decided)
        return false;
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (const char *c = p->f->frame.text; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 1099511628211u;
    return (double)(hash >> 11) / (double)(1ull << 53) < p->env->shadow_share;
}

static float iou(const float *a, const float *b)
{
    float left = a[0] > b[0] ? a[0] : b[0], top = a[1] > b[1] ? a[1] : b[1];
    float right = a[0] + a[2] < b[0] + b[2] ? a[0] + a[2] : b[0] + b[2];
    float bottom = a[1] + a[3] < b[1] + b[3] ? a[1] + a[3] : b[1] + b[3];
    if (right <= left || bottom <= top)
        return 0;
    float both = (right - left) * (bottom - top);
    return both / (a[2] * a[3] + b[2] * b[3] - both);
}

/* The shadow's face that is face i and not taken yet; -1: it found none. */
static int face_of(const struct pass *p, int i, const struct pass *s, bool *taken)
{
    int best = -1;
    float overlap = SAME_FACE_IOU;
    for (int k = 0; k < s->seen.n; k++) {
        float here = iou(p->seen.faces[i].face.box, s->seen.faces[k].face.box);
        if (!taken[k] && here > overlap) {
            overlap = here;
            best = k;
        }
    }
    if (best >= 0)
        taken[best] = true;
    return best;
}

/* Whom the engine names; NULL: nobody. */
static const struct decide_candidate *named(const struct pass *p, int i)
{
    return p->decided[i].names_student ? pass_candidate(p, i) : NULL;
}

static double best_score(const struct pass *p, int i)
{
    return p->faces[i].n > 0 ? pass_candidate(p, i)->score : 0;
}

static void differ(struct comparison *c, const struct pass *p, int i, const struct pass *s, int k)
{
    const struct decide_candidate *old = named(p, i), *new = named(s, k);
    struct engine_difference *d = &c->differences[c->n++];
    d->student = old ? old->student : new->student;
    d->active_score = best_score(p, i);
    d->shadow_score = best_score(s, k);
    d->last_seen = p->f->captured_at;
    d->lost = old && !new;
    d->gained = !old;
    d->others = old && new;
    if (d->others)
        memcpy(d->other, new->student.text, ID_TEXT);
    c->tally.lost += d->lost;
    c->tally.gained += d->gained;
    c->tally.other += d->others;
}

static void compare(struct comparison *c, const struct pass *p, int i, const struct pass *s, int k)
{
    const struct decide_candidate *old = named(p, i), *new = named(s, k);
    struct engine_tally *t = &c->tally;
    t->faces++;
    if (!old && !new) {
        t->nobody++;
        return;
    }
    if (!old || !new || strcmp(old->student.text, new->student.text) != 0) {
        differ(c, p, i, s, k);
        return;
    }
    t->agreed++;
    t->active_score += old->score;
    t->shadow_score += new->score;
    t->active_spare += old->score - p->decided[i].threshold;
    t->shadow_spare += new->score - s->decided[k].threshold;
}

/* What decided by rules alone, before marks and names refined it. */
static enum err decided_again(const struct pass *p, struct pass *ret_plain, struct error *e)
{
    *ret_plain = *p;
    ret_plain->decided = arena_array(p->w->arena, (size_t)p->seen.n, sizeof *p->decided);
    if (!ret_plain->decided)
        return error_set(e, ERR_NOMEM, "no memory to compare engines");
    decide_frame(p->faces, p->seen.n, &p->thresholds, ret_plain->decided);
    return ERR_OK;
}

static enum err look(struct pass *s, struct error *e)
{
    arena_reset(s->w->scratch);
    const struct vision_tick tick = {.fn = claim_tick, .ctx = s->w};
    enum err r = s->f->still ? vision_analyse_still(s->engine->vision, s->w->scratch, s->f->image,
                                                    s->env->photo_max_pixels, &tick, &s->seen, e)
                             : vision_analyse(s->engine->vision, s->w->scratch, s->f->image,
                                              s->env->image_max_pixels, &s->seen, e);
    if (r == ERR_OK)
        r = pass_look_alikes(s, e);
    if (r == ERR_OK)
        r = pass_match(s, e);
    return r ? r : pass_decide(s, e);
}

/* What liveness refused is no comparison of engines. */
static enum err compare_faces(const struct pass *p, const struct decide_result *final,
                              const struct pass *s, struct comparison *c, struct error *e)
{
    struct arena *a = p->w->arena;
    bool *taken = arena_array(a, (size_t)s->seen.n, sizeof *taken);
    c->differences = arena_array(a, (size_t)p->seen.n, sizeof *c->differences);
    if (!taken || !c->differences)
        return error_set(e, ERR_NOMEM, "no memory to compare engines");
    int paired = 0;
    for (int i = 0; i < p->seen.n; i++) {
        int k = face_of(p, i, s, taken);
        paired += k >= 0;
        if (k < 0)
            c->tally.only_active++;
        else if (final[i].status != FACE_STATUS_SPOOF)
            compare(c, p, i, s, k);
    }
    c->tally.only_shadow = s->seen.n - paired;
    return ERR_OK;
}

static enum err keep_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    const struct comparison *c = ctx;
    return engine_tally_add(cx, c->generation, &c->tally, c->differences, c->n, e);
}

void pass_shadow(struct pass *p)
{
    if (!is_sampled(p))
        return;
    struct error e = {0};
    struct comparison c = {.generation = p->w->engines.generation};
    struct pass plain, s = {.w = p->w,
                            .env = p->env,
                            .engine = p->w->engines.shadow,
                            .f = p->f,
                            .session = p->session,
                            .roster = p->roster};
    enum err r = decided_again(p, &plain, &e);
    if (r == ERR_OK)
        r = look(&s, &e);
    if (r == ERR_OK)
        r = compare_faces(&plain, p->decided, &s, &c, &e);
    if (r == ERR_OK)
        r = db_tx(p->env->db, keep_fn, &c, &e);
    if (r && r != ERR_CONFLICT) /* a switch in the meantime: not worth a word */
        log_failure(LOG_WARN, "jobs", "shadow_not_compared", &e);
}
