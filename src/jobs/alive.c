/* Whether the faces that would get a name are of people, not of pictures of them (pass.h).
 *
 * A face is judged by the mean of its scores over the last seconds (bus_score_add): the more
 * sightings a mark needs, the less a lucky frame helps a picture, or an unlucky one stops a person.
 * With one confirmation, and on class photos, one score decides. The scores are kept by
 * session, camera and student: what one camera is shown says nothing about a face before another,
 * and a face that nobody recognises adds to no student. Where two faces of one frame match a
 * student and only one looks alive by itself, the other is a spoof at once and its score is not
 * added: a picture held up beside its student does not spoil that student's mean. A picture shown
 * before the student comes does, until liveness_window_s after it was last seen. Worker threads; a
 * bus call a named face. Runs again on a redelivered frame: the bus counts a frame once. Invariant:
 * with policy enforce no face whose mean is below the threshold stays named. */
#include "jobs/pass.h"

#include "base/metrics.h"

#include <math.h>
#include <stdio.h>

/* Whose name face i by itself would get; NULL: nobody's. */
static const struct decide_candidate *match_of(const struct pass *p, int i)
{
    struct decide_result alone;
    if (!p->faces[i].usable || p->faces[i].n == 0)
        return NULL;
    decide_frame(&p->faces[i], 1, &p->thresholds, &alone);
    return alone.names_student ? &p->faces[i].best[alone.candidate] : NULL;
}

static bool looks_alive(const struct pass *p, int i)
{
    return (double)p->seen.faces[i].liveness >= p->env->liveness_threshold;
}

/* Face i does not look alive, and another face of the frame that matches its student does. */
static bool outlived(const struct pass *p, int i)
{
    const struct decide_candidate *mine = looks_alive(p, i) ? NULL : match_of(p, i);
    for (int j = 0; mine && j < p->seen.n; j++) {
        const struct decide_candidate *other = looks_alive(p, j) ? match_of(p, j) : NULL;
        if (other && strcmp(other->student.text, mine->student.text) == 0)
            return true;
    }
    return false;
}

static void set_spoof(struct pass *p, int i)
{
    p->alive[i].spoof = true;
    metric_add(METRIC_faces_spoof_total, 1);
    if (p->env->liveness == LIVENESS_ENFORCE)
        p->faces[i].alive = false;
}

/* Adds face i's score to its student's and judges it by the mean. */
static enum err judge(struct pass *p, int i, struct error *e)
{
    char key[BUS_KEY_MAX];
    struct pass_alive *alive = &p->alive[i];
    if (!isfinite(p->seen.faces[i].liveness)) { /* vision measures every usable face */
        set_spoof(p, i);
        return ERR_OK;
    }
    snprintf(key, sizeof key, "liveness:%s:%s:%s", p->f->session.text, p->f->camera.text,
             pass_candidate(p, i)->student.text);
    enum err r =
        bus_score_add(p->env->bus, str_from(key), str_from(p->f->frame.text), p->f->captured_at,
                      (double)p->seen.faces[i].liveness, p->env->liveness_window, &alive->score, e);
    if (r)
        return r;
    alive->judged = true;
    alive->candidate = p->decided[i].candidate;
    if (!(alive->score.mean >= p->env->liveness_threshold))
        set_spoof(p, i);
    return ERR_OK;
}

enum err pass_alive(struct pass *p, struct error *e)
{
    if (p->env->liveness == LIVENESS_OFF)
        return ERR_OK;
    for (int i = 0; i < p->seen.n; i++)
        p->alive[i].spoof = outlived(p, i); /* all are asked before any is set apart */
    for (int i = 0; i < p->seen.n; i++)
        if (p->alive[i].spoof)
            set_spoof(p, i);
    /* A spoof leaves its name to the next best face, which is then judged in its turn. */
    for (bool changed = true; changed;) {
        changed = false;
        decide_frame(p->faces, p->seen.n, &p->thresholds, p->decided);
        for (int i = 0; i < p->seen.n; i++) {
            bool known = p->alive[i].judged && p->alive[i].candidate == p->decided[i].candidate;
            if (!p->decided[i].names_student || known || p->alive[i].spoof)
                continue;
            enum err r = judge(p, i, e);
            if (r)
                return r;
            changed = changed || !p->faces[i].alive;
        }
    }
    return ERR_OK;
}
