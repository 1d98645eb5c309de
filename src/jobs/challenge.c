/* A frame of a liveness challenge: what was decided about its faces moves the challenge on.
 *
 * The state lies in the bus (attendance/challenge.h) and changes by compare and swap, so two
 * workers with a frame each take turns; the swap that passes or fails it happens once. A
 * redelivered frame that passed it marks again, which makes no second mark. A challenge that is
 * gone (expired, or lost with the bus) is answered as expired. Worker threads; cost: a swap or two,
 * and .3 ms for the eyes. */
#include "jobs/pass.h"

#include "attendance/challenge.h"
#include "base/log.h"
#include "base/metrics.h"
#include "vision/eyes.h"
#include "vision/quality.h"

#include <math.h>

enum { TRIES_MAX = 16 }; /* swaps lost to other workers before the frame comes again */

/* A face at least this much as wide as the widest may be the one that is meant. */
static const float rival_share = .5f;

static int faces_meant(const struct pass *p)
{
    int n = 0;
    for (int i = 0; i < p->seen.n; i++) /* the widest need not be the first: areas are sorted */
        n += p->seen.faces[i].face.box[2] >= rival_share * p->seen.faces[0].face.box[2];
    return n;
}

/* What the first face, the largest, shows. */
static enum err look(struct pass *p, struct challenge_seen *ret_seen, struct error *e)
{
    *ret_seen = (struct challenge_seen){.frame = p->f->frame.text,
                                        .received_at = p->f->received_at,
                                        .now = time_utc(),
                                        .faces = faces_meant(p),
                                        .student = "",
                                        .eyes = NAN};
    if (p->seen.n == 0)
        return ERR_OK;
    struct face f = p->seen.faces[0].face;
    ret_seen->yaw = face_pose_of(&f).yaw;
    if (p->decided[0].status == FACE_STATUS_CONFIRMING)
        ret_seen->student = pass_candidate(p, 0)->student.text;
    const struct image *im = &p->seen.image; /* perhaps decoded smaller than the face's pixels */
    for (int i = 0; i < FACE_POINTS; i++) {
        f.points[i][0] *= (float)im->width / (float)p->seen.width;
        f.points[i][1] *= (float)im->height / (float)p->seen.height;
    }
    return eyes_open(p->w->arena, im, &f, &ret_seen->eyes, e);
}

/* Swaps until the frame is in. ret_now: the state after it; ret_ended: this call ended it. Errors
 * NOT_FOUND (gone, or another session's), UNAVAILABLE. */
static enum err advance(struct pass *p, const struct challenge_seen *seen,
                        struct challenge *ret_now, bool *ret_ended, struct error *e)
{
    char key[CHALLENGE_KEY];
    struct str there, was;
    challenge_key(p->f->challenge, key);
    enum err r = bus_swap(p->env->bus, p->w->arena, str_from(key), STR(""), STR(""), CHALLENGE_KEPT,
                          &there, e);
    for (int i = 0; !r && i < TRIES_MAX; i++) {
        struct challenge before;
        r = challenge_read(there, &before, e);
        if (!r && strcmp(before.session, p->f->session.text) != 0)
            r = error_set(e, ERR_NOT_FOUND, "a challenge of another session");
        if (r)
            return r;
        *ret_now = before;
        challenge_advance(ret_now, seen);
        usec_t left = ret_now->expires_at - seen->now;
        r = bus_swap(p->env->bus, p->w->arena, str_from(key), there, challenge_bytes(ret_now),
                     CHALLENGE_KEPT + (left > 0 ? left : 0), &was, e);
        *ret_ended = ret_now->state != before.state &&
                     (ret_now->state == CHALLENGE_PASSED || ret_now->state == CHALLENGE_FAILED);
        if (r || !was.p)
            return r;
        there = was;
    }
    return r ? r : error_set(e, ERR_UNAVAILABLE, "the challenge is changed by many at once");
}

/* The bus has forgotten it. */
static void gone(struct pass *p, struct challenge *ret_now)
{
    memset(ret_now, 0, sizeof *ret_now);
    memcpy(ret_now->session, p->f->session.text, ID_TEXT);
    ret_now->state = CHALLENGE_FAILED;
    ret_now->reason = CHALLENGE_REASON_EXPIRED;
    ret_now->expires_at = p->f->received_at;
}

static void count(const struct pass *p, const struct challenge *c)
{
    bool passed = c->state == CHALLENGE_PASSED;
    metric_add(passed ? METRIC_challenges_passed_total : METRIC_challenges_failed_total, 1);
    metric_add(METRIC_faces_spoof_total, !passed && p->seen.n > 0);
}

/* A failed challenge is a spoof: nobody is named. */
static void show_spoof(struct pass *p)
{
    if (p->seen.n == 0)
        return;
    p->decided[0].status = FACE_STATUS_SPOOF;
    p->out[0].student = NULL;
}

enum err pass_challenge(struct pass *p, struct error *e)
{
    struct challenge_seen seen;
    struct challenge now;
    bool ended = false;
    p->challenge = arena_alloc(p->w->arena, sizeof *p->challenge);
    if (!p->challenge)
        return error_set(e, ERR_NOMEM, "no memory for a challenge");
    enum err r = look(p, &seen, e);
    if (!r)
        r = advance(p, &seen, &now, &ended, e);
    if (r && r != ERR_NOT_FOUND)
        return error_wrap(e, r, "challenge %s", p->f->challenge);
    if (r)
        gone(p, &now);
    if (ended)
        count(p, &now);
    challenge_show(&now, p->f->challenge, p->challenge);
    bool mine = strcmp(now.frame, p->f->frame.text) == 0; /* again, when redelivered */
    if (now.state == CHALLENGE_FAILED && mine)
        show_spoof(p);
    p->challenge_passed = now.state == CHALLENGE_PASSED && mine && seen.student[0];
    return p->challenge_passed ? pass_sighting(p, 0, e) : ERR_OK;
}
