/* Photos uploaded during a switch of engines make a template of the other engine, too (engine.h):
 * photos are not kept, so that is how it comes by its own.
 *
 * Only a photo that the active engine took, or knew, is looked at: whose face it is was judged
 * there. The verdict stays the active one's, but for a photo that only the other engine had not
 * seen: that is accepted. Nothing to do while both engines use the same templates. Worker threads;
 * the time of one more photo. */
#include "jobs/enrolment.h"

/* Of the faces of the photo only the largest is meant, as the active engine found. */
static bool is_usable(const struct vision_result *seen)
{
    return seen->n > 0 && seen->faces[0].flaw == FACE_OK;
}

static bool knows(const struct enrolment *n, struct str source)
{
    for (int i = 0; i < n->other_n; i++)
        if (str_eq(n->other_rows[i].source, source))
            return true;
    return false;
}

enum err enrolment_other_load(struct db_cx *cx, struct enrolment *n, struct error *e)
{
    if (!n->other)
        return ERR_OK;
    const struct vision *v = n->other->vision;
    return template_of_student(cx, n->w->arena, n->student, str_from(vision_encoder(v)),
                               str_from(vision_preprocessing(v)), &n->other_rows, &n->other_n, e);
}

enum err enrolment_other_judge(struct enrolment *n, struct str image, struct error *e)
{
    struct vision_result seen;
    struct arena *a = n->w->scratch;
    n->other_row = (struct template_row){.student = n->student, .created_at = n->row.created_at};
    bool known = n->code == VERDICT_DUPLICATE_PHOTO;
    if (!n->other || (n->code != VERDICT_ACCEPTED && !known) || knows(n, n->row.source))
        return ERR_OK;
    enum err r = vision_analyse(n->other->vision, a, image, n->env->photo_max_pixels, &seen, e);
    if (r)
        return r;
    if (!is_usable(&seen)) {
        n->verdict.detail = STR("The other engine of the switch finds no good face in this photo.");
        return ERR_OK;
    }
    n->other_row.quality = (double)seen.faces[0].quality;
    n->other_row.source = n->row.source;
    if (known) {
        n->verdict.verdict = str_from(verdict_name(VERDICT_ACCEPTED));
        n->verdict.detail = STR("Known before; new to the other engine of the switch.");
    }
    return template_seal(&n->key, n->other, a, n->student, seen.faces[0].embedding,
                         &n->other_row.sealed, e);
}

enum err enrolment_other_write(struct db_cx *cx, struct enrolment *n, struct error *e)
{
    struct template_row *t = &n->other_row;
    if (!t->sealed.n)
        return ERR_OK;
    const struct vision *v = n->other->vision;
    t->encoder = str_from(vision_encoder(v));
    t->preprocessing = str_from(vision_preprocessing(v));
    t->precision = str_from(vision_precision(v));
    t->model_sha256 = str_from(vision_model_sha256(v));
    id_new(t->id);
    return template_insert(cx, t, e);
}
