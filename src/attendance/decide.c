/* The decision: see decide.h.
 *
 * Faces take their students in the order of their claims, best first; each student taken may settle
 * a face that could not tell two apart. Comparisons only: n faces cost n * n, n being the faces of
 * one picture. Called by the recognition job on worker threads. Invariants: a face gets a name only
 * by finite scores, so a broken number never marks anybody; two faces never hold one student. */
#include "attendance/decide.h"

#include <math.h>

const char *face_status_name(enum face_status s)
{
    static const char *const words[FACE_STATUS_N] = {
#define X(code, word) [FACE_STATUS_##code] = word,
        FACE_STATUS_MAP(X)
#undef X
    };
    return words[s];
}

/* The faces of a frame and what is decided so far. A claim is a result with a status that names a
 * student; the face holds the student once names_student is set, and loses them no more. */
struct frame {
    const struct decide_face *faces;
    struct decide_result *results;
    int n;
    const struct decide_thresholds *t;
};

static bool same_student(const struct decide_candidate *a, const struct decide_candidate *b)
{
    return strcmp(a->student.text, b->student.text) == 0;
}

static double margin_of(const struct frame *f, const struct decide_candidate *c)
{
    return f->t->margin + c->margin_extra;
}

static const struct decide_candidate *claimed(const struct frame *f, int i)
{
    return &f->faces[i].best[f->results[i].candidate];
}

/* The candidate by which some face holds c's student; NULL when none does. */
static const struct decide_candidate *holder(const struct frame *f,
                                             const struct decide_candidate *c)
{
    for (int i = 0; i < f->n; i++)
        if (f->results[i].names_student && same_student(claimed(f, i), c))
            return claimed(f, i);
    return NULL;
}

/* The first candidate from k on who is not clearly another face of the frame. */
static int possible_from(const struct frame *f, const struct decide_face *face, int k)
{
    for (; k < face->n; k++) {
        const struct decide_candidate *c = &face->best[k], *held = holder(f, c);
        if (!held || !(held->score - c->score >= margin_of(f, c)))
            break;
    }
    return k;
}

/* Numbers that can be compared, in the order promised. */
static bool is_sound(const struct decide_face *face)
{
    for (int k = 0; k < face->n; k++)
        if (!isfinite(face->best[k].score) ||
            (k > 0 && face->best[k].score > face->best[k - 1].score))
            return false;
    return true;
}

/* The face cannot tell c from its best candidate. False for every NaN. */
static bool nearly_best(const struct frame *f, const struct decide_face *face,
                        const struct decide_candidate *c)
{
    const struct decide_candidate *top = &face->best[0];
    return c == top || top->score - c->score < margin_of(f, top);
}

/* What face i can be, given what the others hold. */
static struct decide_result claim(const struct frame *f, int i)
{
    const struct decide_face *face = &f->faces[i];
    int k = possible_from(f, face, 0), next = possible_from(f, face, k + 1);
    if (k == face->n)
        k = 0; /* all of them are here already: tell of the best */
    const struct decide_candidate *c = &face->best[k];
    struct decide_result r = {.status = FACE_STATUS_UNKNOWN,
                              .candidate = k,
                              .threshold = c->on_roster ? f->t->roster : f->t->gallery,
                              .margin = INFINITY};
    if (next < face->n)
        r.margin = c->score - face->best[next].score;
    if (is_sound(face) && c->score >= r.threshold && r.margin >= margin_of(f, c) &&
        nearly_best(f, face, c) && !holder(f, c))
        r.status = c->on_roster ? FACE_STATUS_CONFIRMING : FACE_STATUS_NOT_ENROLLED;
    return r;
}

/* One face before the others are looked at. */
static struct decide_result first_look(const struct frame *f, int i)
{
    if (!f->faces[i].usable)
        return (struct decide_result){.status = FACE_STATUS_LOW_QUALITY, .margin = INFINITY};
    if (!f->faces[i].alive)
        return (struct decide_result){.status = FACE_STATUS_SPOOF, .margin = INFINITY};
    if (f->faces[i].n == 0)
        return (struct decide_result){.status = FACE_STATUS_UNKNOWN, .margin = INFINITY};
    return claim(f, i);
}

static bool is_claim(const struct decide_result *r)
{
    return !r->names_student &&
           (r->status == FACE_STATUS_CONFIRMING || r->status == FACE_STATUS_NOT_ENROLLED);
}

/* The face with the best claim that holds nobody yet; -1 when there is no claim. */
static int best_claim(const struct frame *f)
{
    int best = -1;
    for (int i = 0; i < f->n; i++)
        if (is_claim(&f->results[i]) &&
            (best < 0 || claimed(f, i)->score > claimed(f, best)->score))
            best = i;
    return best;
}

/* Looks again at the open faces that might be the student of `taken`. */
static void look_again(const struct frame *f, int taken)
{
    for (int i = 0; i < f->n; i++) {
        const struct decide_face *face = &f->faces[i];
        bool open = !f->results[i].names_student && face->usable && face->alive, concerned = false;
        for (int k = 0; open && k < face->n && !concerned; k++)
            concerned = same_student(&face->best[k], claimed(f, taken));
        if (concerned)
            f->results[i] = claim(f, i);
    }
}

void decide_frame(const struct decide_face *faces, int n, const struct decide_thresholds *t,
                  struct decide_result *ret_results)
{
    const struct frame f = {.faces = faces, .results = ret_results, .n = n, .t = t};
    for (int i = 0; i < n; i++)
        ret_results[i].names_student = false;
    for (int i = 0; i < n; i++)
        ret_results[i] = first_look(&f, i);
    for (int i = best_claim(&f); i >= 0; i = best_claim(&f)) {
        ret_results[i].names_student = true;
        look_again(&f, i);
    }
}
