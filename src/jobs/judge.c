/* The verdict on one enrolment photo (enrolment.h).
 *
 * In this order: can it be read, is there one face, is the face good, is it somebody else's, is it
 * this student's. Whose face it is comes before whether it is this student's: a photo of Ben sent
 * for Ada is told as Ben's. Worker threads; 20 to 200 ms a photo, the models' time. */
#include "jobs/enrolment.h"

#include <math.h>
#include <stdio.h>

#include <sodium.h>

/* A second face counts as "many" when its area is more than this part of the largest. */
static const float MANY_FACES_AREA = 0.35f;
/* A photo further than this from the student's other photos is refused as of somebody else. Half of
 * what recognition needs of ten people (MODELS section 7: .50 at a 1 % budget), so that only a
 * gross mistake is refused: a chosen limit, not a measured error rate. */
static const double SAME_PERSON_COS = 0.25;
enum { SAME_PERSON_MIN_PHOTOS = 2 };

static void judge(struct enrolment *n, enum verdict code)
{
    n->code = code;
    n->verdict.verdict = str_from(verdict_name(code));
    n->verdict.detail = str_from(verdict_help(code));
}

/* The face the photo is about; NULL with a verdict when there is none or more than one. */
static const struct vision_face *main_face(struct enrolment *n, const struct vision_result *seen)
{
    if (seen->n == 0) {
        judge(n, VERDICT_NO_FACE);
        return NULL;
    }
    const float *a = seen->faces[0].face.box, *b = seen->n > 1 ? seen->faces[1].face.box : a;
    if (seen->n > 1 && b[2] * b[3] > MANY_FACES_AREA * a[2] * a[3]) {
        judge(n, VERDICT_MANY_FACES);
        return NULL;
    }
    return &seen->faces[0];
}

static enum verdict verdict_of_flaw(enum face_flaw flaw)
{
    switch (flaw) {
    case FACE_OK:
        return VERDICT_ACCEPTED;
    case FACE_TOO_SMALL:
        return VERDICT_TOO_SMALL;
    case FACE_BLURRED:
        return VERDICT_BLURRED;
    case FACE_TOO_DARK:
        return VERDICT_TOO_DARK;
    case FACE_TOO_BRIGHT:
        return VERDICT_TOO_BRIGHT;
    case FACE_POSE:
        return VERDICT_POSE;
    }
    return VERDICT_ACCEPTED;
}

/* With the mean of the student's other photos; 1 when there are too few to say. */
static double cosine_to_others(const struct enrolment *n, const float *vec)
{
    double dot = 0, norm = 0;
    int photos = 0;
    for (int k = 0; k < n->n_known; k++)
        photos += n->known[k].vec != NULL;
    for (int i = 0; photos >= SAME_PERSON_MIN_PHOTOS && i < vision_dim(n->engine->vision); i++) {
        double sum = 0;
        for (int k = 0; k < n->n_known; k++)
            sum += n->known[k].vec ? (double)n->known[k].vec[i] : 0;
        dot += sum * (double)vec[i];
        norm += sum * sum;
    }
    return norm > 0 ? dot / sqrt(norm) : 1;
}

static bool known_already(const struct enrolment *n, struct str source)
{
    for (int i = 0; i < n->n_known; i++)
        if (str_eq(n->known[i].source, source))
            return true;
    return false;
}

/* "photo:HEX": which photo a template came from, without keeping the photo or its name. */
static struct str source_of(struct arena *a, struct str image)
{
    unsigned char hash[16];
    char hex[2 * sizeof hash + 1];
    crypto_generichash(hash, sizeof hash, (const unsigned char *)image.p, image.n, NULL, 0);
    sodium_bin2hex(hex, sizeof hex, hash, sizeof hash);
    return str_from(arena_printf(a, "photo:%s", hex));
}

/* Is the face another student's? The verdict, or n->twin where that was allowed. */
static enum err compare_with_others(struct enrolment *n, const float *vec, struct error *e)
{
    struct gallery_hit near;
    int found = 0;
    enum err r = gallery_near(n->engine->gallery, vec, n->student,
                              (float)duplicate_score(n->env, n->engine), &near, 1, &found, e);
    if (r || !found)
        return r;
    memcpy(n->verdict.other, near.student.text, ID_TEXT);
    if (!n->job.allow_look_alike) {
        judge(n, VERDICT_DUPLICATE_OF);
        return ERR_OK;
    }
    n->twin = near.student;
    n->twin_score = (double)near.score;
    n->verdict.detail = STR("The face is like another student's and was enrolled as asked: the two "
                            "are told apart by a larger margin from now on.");
    return ERR_OK;
}

/* The vector that is kept: of the photo, or the mean over what is made of it. */
static enum err choose_vector(struct enrolment *n, struct str image, const struct vision_face *face,
                              struct error *e)
{
    n->vec = face->embedding;
    if (!n->env->augment)
        return ERR_OK;
    float *mean = arena_array(n->w->scratch, (size_t)vision_dim(n->engine->vision), sizeof *mean);
    n->vec = mean;
    return mean ? vision_embed_augmented(n->engine->vision, n->w->scratch, image,
                                         n->env->photo_max_pixels, &face->face, n->env->augment,
                                         mean, e)
                : error_set(e, ERR_NOMEM, "no memory to augment a photo");
}

static enum err judge_face(struct enrolment *n, struct str image, const struct vision_face *face,
                           struct error *e)
{
    n->verdict.quality = (double)face->quality;
    judge(n, verdict_of_flaw(face->flaw));
    if (n->code == VERDICT_ACCEPTED && face->covered)
        judge(n, VERDICT_OCCLUDED);
    /* a photo whose liveness was not measured (NAN) passes */
    if (n->code == VERDICT_ACCEPTED && n->env->spoof_refused &&
        (double)face->liveness < n->env->liveness_threshold)
        judge(n, VERDICT_SPOOF);
    if (n->code != VERDICT_ACCEPTED)
        return ERR_OK;
    enum err r = compare_with_others(n, face->embedding, e);
    if (r || n->code != VERDICT_ACCEPTED)
        return r;
    if (cosine_to_others(n, face->embedding) < SAME_PERSON_COS) {
        judge(n, VERDICT_NOT_SAME_PERSON);
        return ERR_OK;
    }
    n->row.quality = n->verdict.quality;
    r = choose_vector(n, image, face, e);
    if (r)
        return r;
    return template_seal(&n->key, n->engine, n->w->scratch, n->student, n->vec, &n->row.sealed, e);
}

static enum err judge_image(struct enrolment *n, struct str image, struct error *e)
{
    struct vision_result seen;
    struct arena *a = n->w->scratch;
    enum err r = vision_analyse(n->engine->vision, a, image, n->env->photo_max_pixels, &seen, e);
    if (r == ERR_UNPROCESSABLE || r == ERR_UNSUPPORTED || r == ERR_TOO_LARGE) {
        judge(n, VERDICT_UNREADABLE);
        n->verdict.detail = str_from(arena_strdup(a, str_from(e->msg)));
        return ERR_OK;
    }
    const struct vision_face *face = r ? NULL : main_face(n, &seen);
    return face ? judge_face(n, image, face, e) : r;
}

enum err enrolment_judge(struct enrolment *n, int i, struct error *e)
{
    char context[64];
    struct str image;
    n->verdict = n->photos[i];
    n->verdict.sealed = (struct str){0};
    n->row = (struct template_row){.student = n->student, .created_at = time_utc()};
    n->other_row = (struct template_row){.student = n->student};
    n->vec = NULL;
    n->twin = (struct student_id){""};
    arena_reset(n->w->scratch);
    snprintf(context, sizeof context, "photo|%s", n->job.id);
    enum err r = unseal(&n->key, n->w->scratch, str_from(context), n->photos[i].sealed, &image, e);
    n->picture = r ? (struct str){0} : n->photos[i].sealed;
    if (r == ERR_CORRUPT) /* uploaded before students had keys */
        r = unseal(&n->env->photo_key, n->w->scratch, str_from(context), n->photos[i].sealed,
                   &image, e);
    if (r)
        return r;
    n->row.source = source_of(n->w->scratch, image);
    if (known_already(n, n->row.source)) {
        judge(n, VERDICT_DUPLICATE_PHOTO);
        return enrolment_other_judge(n, image, e);
    }
    r = judge_image(n, image, e);
    return r ? r : enrolment_other_judge(n, image, e);
}
