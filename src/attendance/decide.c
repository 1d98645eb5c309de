/* The decision: see decide.h. Comparisons only; n faces cost n * n, n being the faces of one
 * picture. Called by the recognition job on worker threads. Invariant: a face gets a name only by
 * finite scores, so a broken number never marks anybody. */
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

const char *mark_status_name(enum mark_status s)
{
    static const char *const words[MARK_STATUS_N] = {
        [MARK_PRESENT] = "present", [MARK_LATE] = "late",       [MARK_LEFT_EARLY] = "left-early",
        [MARK_ABSENT] = "absent",   [MARK_EXCUSED] = "excused",
    };
    return words[s];
}

/* The best student is near enough, and nobody else is as near. False for every NaN. */
static bool matches(const struct decide_face *f, double threshold, double margin)
{
    return isfinite(f->score) && f->score >= threshold && f->score - f->second >= margin;
}

/* One face by itself. */
static struct decide_result decide_face(const struct decide_face *f,
                                        const struct decide_thresholds *t)
{
    if (!f->usable)
        return (struct decide_result){.status = FACE_STATUS_LOW_QUALITY};
    if (!f->alive)
        return (struct decide_result){.status = FACE_STATUS_SPOOF};
    if (id_is_empty(f->student.text))
        return (struct decide_result){.status = FACE_STATUS_UNKNOWN};
    double threshold = f->on_roster ? t->roster : t->gallery;
    if (!matches(f, threshold, t->margin))
        return (struct decide_result){.status = FACE_STATUS_UNKNOWN, .threshold = threshold};
    return (struct decide_result){
        .status = f->on_roster ? FACE_STATUS_CONFIRMING : FACE_STATUS_NOT_ENROLLED,
        .threshold = threshold,
        .names_student = true,
    };
}

/* Another face of the frame has a better claim to i's student: a better score, or the same and an
 * earlier place. */
static bool outdone(const struct decide_face *faces, const struct decide_result *results, int n,
                    int i)
{
    for (int j = 0; j < n; j++) {
        if (j == i || !results[j].names_student ||
            strcmp(faces[j].student.text, faces[i].student.text) != 0)
            continue;
        if (faces[j].score > faces[i].score || (faces[j].score == faces[i].score && j < i))
            return true;
    }
    return false;
}

void decide_frame(const struct decide_face *faces, int n, const struct decide_thresholds *t,
                  struct decide_result *ret_results)
{
    for (int i = 0; i < n; i++)
        ret_results[i] = decide_face(&faces[i], t);
    /* A status falls to UNKNOWN but names_student stays until all are compared: whoever outdoes a
     * face is outdone by none itself, yet must be seen by every later face too. */
    for (int i = 0; i < n; i++)
        if (ret_results[i].names_student && outdone(faces, ret_results, n, i))
            ret_results[i].status = FACE_STATUS_UNKNOWN;
    for (int i = 0; i < n; i++)
        if (ret_results[i].status == FACE_STATUS_UNKNOWN)
            ret_results[i].names_student = false;
}

enum mark_status mark_status_at(const struct attendance_policy *p, usec_t session_start,
                                usec_t first_seen)
{
    if (p->late_after <= 0)
        return MARK_PRESENT;
    return first_seen - session_start > p->late_after ? MARK_LATE : MARK_PRESENT;
}
