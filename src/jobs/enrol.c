/* Enrolment: the photos of one upload, judged one by one (DESIGN section 8: a verdict a photo).
 *
 * The job and its photos are rows; the queue carries a notice only. Each photo is judged and its
 * template written in one transaction, so a job killed half-way goes on with the photos that have
 * no verdict yet and repeats none; the same transaction renews the claim, so a worker whose claim
 * another one took over writes nothing more. Photos (sealed) are removed with their verdict. Worker
 * threads; 20 to 200 ms a photo. */
#include "jobs/internal.h"

#include "attendance/event.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/job.h"

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

struct enrolment {
    struct worker *w;
    const struct jobs_env *env;
    struct engine *engine; /* the active one, of the worker's pair */
    struct job job;
    struct student_id student;
    struct job_photo *photos;
    int n;
    /* templates the student has already, this job's included */
    struct template_row *rows;
    int n_rows;
    struct str *sources; /* [n_sources], photos they were made of */
    int n_sources;
    float *sum; /* [dim], of all of them */
    int accepted;
    bool taken_over; /* another worker has claimed the job since */
    /* the photo in hand; its memory is w->scratch */
    struct job_photo verdict;
    struct template_row row;
};

static enum err load_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct enrolment *n = ctx;
    const char *id = n->job.id;
    enum err r = job_get(cx, n->w->arena, id, &n->job, e);
    if (r == ERR_OK)
        r = job_photos(cx, n->w->arena, id, true, &n->photos, &n->n, e);
    if (r == ERR_OK)
        r = id_parse(n->job.subject, n->student.text, e);
    if (r == ERR_OK)
        r = template_of_student(
            cx, n->w->arena, n->student, str_from(vision_encoder(n->engine->vision)),
            str_from(vision_preprocessing(n->engine->vision)), &n->rows, &n->n_rows, e);
    return r;
}

static void add_to_sum(struct enrolment *n, const float *vec)
{
    for (int i = 0; i < vision_dim(n->engine->vision); i++)
        n->sum[i] += vec[i];
    n->accepted++;
}

static void judge(struct job_photo *v, const char *code, const char *detail)
{
    v->verdict = str_from(code);
    v->detail = str_from(detail);
}

/* The face the photo is about; NULL with a verdict when there is none or more than one. */
static const struct vision_face *main_face(const struct vision_result *seen, struct job_photo *v)
{
    if (seen->n == 0) {
        judge(v, "no_face", "No face was found. Use a photo from the front, well lit.");
        return NULL;
    }
    const float *a = seen->faces[0].face.box, *b = seen->n > 1 ? seen->faces[1].face.box : a;
    if (seen->n > 1 && b[2] * b[3] > MANY_FACES_AREA * a[2] * a[3]) {
        judge(v, "many_faces", "More than one face was found. Crop the photo to one person.");
        return NULL;
    }
    return &seen->faces[0];
}

static const char *flaw_help(enum face_flaw flaw)
{
    switch (flaw) {
    case FACE_OK:
        return "";
    case FACE_TOO_SMALL:
        return "The face is too small. Come closer or use a larger picture.";
    case FACE_BLURRED:
        return "The face is blurred. Hold the camera still and focus.";
    case FACE_TOO_DARK:
        return "The face is too dark. Add light from the front.";
    case FACE_TOO_BRIGHT:
        return "The face is too bright. Avoid direct sun or flash.";
    case FACE_POSE:
        return "The head is turned too far. Look into the camera.";
    }
    return "";
}

static double cosine_to_others(const struct enrolment *n, const float *vec)
{
    double dot = 0, norm = 0;
    for (int i = 0; i < vision_dim(n->engine->vision); i++) {
        dot += (double)n->sum[i] * (double)vec[i];
        norm += (double)n->sum[i] * (double)n->sum[i];
    }
    return norm > 0 ? dot / sqrt(norm) : 1;
}

static bool known_already(const struct enrolment *n, struct str source)
{
    for (int i = 0; i < n->n_sources; i++)
        if (str_eq(n->sources[i], source))
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

/* Fills n->verdict, and n->row with a sealed vector when the photo is accepted. */
static enum err judge_image(struct enrolment *n, struct str image, struct error *e)
{
    struct job_photo *v = &n->verdict;
    struct vision_result seen;
    struct arena *a = n->w->scratch;
    enum err r = vision_analyse(n->engine->vision, a, image, n->env->photo_max_pixels, &seen, e);
    if (r == ERR_UNPROCESSABLE || r == ERR_UNSUPPORTED || r == ERR_TOO_LARGE) {
        judge(v, "unreadable", arena_strdup(a, str_from(e->msg)));
        return ERR_OK;
    }
    const struct vision_face *face = r ? NULL : main_face(&seen, v);
    if (!face)
        return r;
    v->quality = (double)face->quality;
    if (face->flaw != FACE_OK) {
        judge(v, face_flaw_name(face->flaw), flaw_help(face->flaw));
        return ERR_OK;
    }
    if (n->accepted >= SAME_PERSON_MIN_PHOTOS &&
        cosine_to_others(n, face->embedding) < SAME_PERSON_COS) {
        judge(v, "not_same_person", "The face differs from the student's other photos.");
        return ERR_OK;
    }
    judge(v, "accepted", "");
    add_to_sum(n, face->embedding);
    n->sources[n->n_sources++] = arena_copy(n->w->arena, n->row.source);
    n->row.quality = v->quality;
    return template_seal(n->env, n->engine, a, n->student, face->embedding, &n->row.sealed, e);
}

static enum err judge_photo(struct enrolment *n, int i, struct error *e)
{
    char context[64];
    struct str image;
    n->verdict = n->photos[i];
    n->verdict.sealed = (struct str){0};
    n->row = (struct template_row){.student = n->student, .created_at = time_utc()};
    arena_reset(n->w->scratch);
    snprintf(context, sizeof context, "photo|%s", n->job.id);
    enum err r = unseal(&n->env->photo_key, n->w->scratch, str_from(context), n->photos[i].sealed,
                        &image, e);
    if (r)
        return r;
    n->row.source = source_of(n->w->scratch, image);
    if (known_already(n, n->row.source)) {
        judge(&n->verdict, "duplicate_photo", "This very photo is part of the template already.");
        return ERR_OK;
    }
    return judge_image(n, image, e);
}

static enum err write_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct enrolment *n = ctx;
    struct template_row *t = &n->row;
    enum err r = job_renew(cx, n->job.id, n->job.tries, time_utc(), n->env->job_lease, e);
    n->taken_over = r == ERR_CONFLICT;
    if (r)
        return r;
    if (t->sealed.n) {
        t->encoder = str_from(vision_encoder(n->engine->vision));
        t->preprocessing = str_from(vision_preprocessing(n->engine->vision));
        t->precision = str_from(vision_precision(n->engine->vision));
        t->model_sha256 = str_from(vision_model_sha256(n->engine->vision));
        id_new(t->id);
        r = template_insert(cx, t, e);
        if (r == ERR_OK) /* the first template decides what `detector = auto` means from now on */
            r = setting_put(cx, n->w->arena, "detector",
                            str_from(vision_detector(n->engine->vision)), true, NULL, e);
        if (r)
            return r;
    }
    return job_photo_judge(cx, n->job.id, &n->verdict, e);
}

static enum err claim_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct enrolment *n = ctx;
    return job_claim(cx, n->job.id, time_utc(), n->env->job_lease, e);
}

struct finish {
    const char *id;
    enum job_state state;
    struct str error;
};

static enum err finish_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    const struct finish *f = ctx;
    return job_finish(cx, f->id, f->state, f->error, time_utc(), e);
}

static enum err sum_known(struct enrolment *n, struct error *e)
{
    n->sum = arena_array(n->w->arena, (size_t)vision_dim(n->engine->vision), sizeof *n->sum);
    n->sources = arena_array(n->w->arena, (size_t)(n->n_rows + n->n), sizeof *n->sources);
    if (!n->sum || !n->sources)
        return error_set(e, ERR_NOMEM, "no memory to enrol");
    for (int i = 0; i < n->n_rows; i++) {
        n->sources[n->n_sources++] = n->rows[i].source;
        const float *vec;
        struct error ignored;
        if (template_open(n->env, n->engine, n->w->arena, &n->rows[i], &vec, &ignored) == ERR_OK)
            add_to_sum(n, vec);
    }
    return ERR_OK;
}

/* The gallery of this process at once, the others by message; then the job may say that it is done.
 */
static enum err announce(struct enrolment *n, struct error *e)
{
    int64_t id;
    enum err r = templates_reload_both(n->env, n->student, e);
    return r ? r
             : bus_publish(n->env->bus, STR(EVENT_TOPIC_GALLERY), str_from(n->student.text), &id,
                           e);
}

/* Done; or failed for good; or given back, so that the notice's next delivery starts it again. */
static enum err finish_job(struct enrolment *n, enum err outcome, struct error *e)
{
    struct error ignored;
    struct finish f = {.id = n->job.id, .state = JOB_DONE};
    if (outcome && n->job.tries >= n->env->max_tries)
        outcome = ERR_INTERNAL; /* often enough */
    if (outcome)
        f.state = err_retryable(outcome) ? JOB_QUEUED : JOB_FAILED;
    f.error = outcome ? str_from(e->msg) : STR("");
    enum err r = db_tx(n->env->db, finish_fn, &f, outcome ? &ignored : e);
    return outcome && err_retryable(outcome) ? outcome : r;
}

enum err enrol_run(struct worker *w, const char *job, const char *token, struct error *e)
{
    struct enrolment n = {.w = w, .env = w->env, .engine = w->engines.active};
    snprintf(n.job.id, sizeof n.job.id, "%s", job);
    enum err r = db_tx(w->env->db, claim_fn, &n, e);
    if (r == ERR_CONFLICT || r == ERR_NOT_FOUND)
        return ERR_OK; /* somebody has it, or the student is gone */
    if (r)
        return r;
    r = db_read(w->env->db, load_fn, &n, e);
    if (r == ERR_OK)
        r = sum_known(&n, e);
    for (int i = 0; r == ERR_OK && i < n.n; i++) {
        if (n.photos[i].verdict.n)
            continue;
        r = judge_photo(&n, i, e);
        if (r == ERR_OK)
            r = db_tx(w->env->db, write_fn, &n, e);
        metric_add(METRIC_photos_processed_total, r == ERR_OK);
        struct error ignored;
        enum err renewed = queue_renew(w->env->queue, token, &ignored);
        (void)renewed; /* a lost lease means a second worker, which finds the job claimed */
    }
    if (n.taken_over)
        return ERR_OK; /* whoever has it ends it */
    if (r == ERR_OK)
        r = announce(&n, e);
    return finish_job(&n, r, e);
}
