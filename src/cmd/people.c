/* Enrolling people from folders of photos. See people.h.
 *
 * Cost: one request with all photos a person (split at UPLOAD_MAX), then polling. Thread: one.
 * Invariant: photos go up only for students who have none (or when asked), so a second run after
 * an interruption completes the first. */
#include "cmd/people.h"

#include "base/file.h"
#include "cmd/frames.h"

#include <unistd.h>

enum {
    UPLOAD_MAX = 12 * 1024 * 1024, /* bytes of one multipart body */
    UPLOAD_PHOTOS_MAX = 20,        /* photos of one multipart body */
    PHOTO_MAX = 20 * 1024 * 1024,  /* bytes of one photo */
    JOB_WAIT_S = 300,              /* one person's job */
    POLL_MS = 100,
    BUSY_TRIES = 20,
};

enum err people_of_folder(const char *folder, struct arena *a, struct person **ret_people,
                          int *ret_n, struct error *e)
{
    const char **names = NULL;
    int n = 0;
    enum err r = frames_list_folders(folder, a, &names, &n, e);
    if (r)
        return r;
    if (n == 0)
        return error_set(e, ERR_NOT_FOUND,
                         "%.160s has no sub-folders; each student needs one, named after them",
                         folder);
    struct person *people = arena_array(a, (size_t)n, sizeof *people);
    if (!people)
        return error_set(e, ERR_NOMEM, "out of memory");
    for (int i = 0; i < n; i++) {
        struct person *p = &people[i];
        p->folder = arena_printf(a, "%s/%s", folder, names[i]);
        if (!p->folder)
            return error_set(e, ERR_NOMEM, "out of memory");
        person_of_folder(names[i], p->external_id, p->name);
        for (int j = 0; j < i; j++)
            if (strcmp(people[j].external_id, p->external_id) == 0)
                return error_set(e, ERR_CONFLICT, "two folders give the id %s: rename one",
                                 p->external_id);
    }
    *ret_people = people;
    *ret_n = n;
    return ERR_OK;
}

static void read_student(struct person *p, const json_t *student)
{
    snprintf(p->student, sizeof p->student, "%s", json_text(student, "id"));
    p->photos = (int)json_num(student, "photos");
    const json_t *other = json_object_get(student, "photos_other");
    if (json_is_integer(other) && json_integer_value(other) < p->photos)
        p->photos = (int)json_integer_value(other); /* a switch of engines: that one wants them */
}

static enum err match_student(void *ctx, const json_t *item, struct error *e)
{
    struct person *p = ctx;
    (void)e;
    if (strcmp(json_text(item, "external_id"), p->external_id) == 0)
        read_student(p, item);
    return ERR_OK;
}

/* Finds the student by external id, or creates one. */
static enum err find_or_create(struct remote *r, struct person *p, struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(4 * MIB);
    _cleanup_(buf_done) struct buf query;
    buf_init(&query, 2 * KIB);
    buf_puts(&query, "search=");
    url_encode(&query, str_from(p->external_id));
    if (!a || query.failed)
        return error_set(e, ERR_NOMEM, "out of memory");
    enum err err = remote_each(r, "/v1/students", query.p, match_student, p, e);
    if (err || p->student[0])
        return err;
    json_t *made = NULL;
    err = remote_json(r, a, HTTP_POST, "/v1/students",
                      json_pack("{s:s, s:s}", "external_id", p->external_id, "name", p->name),
                      &made, e);
    if (err)
        return error_wrap(e, err, "student %s", p->external_id);
    read_student(p, made);
    p->created = true;
    json_decref(made);
    return ERR_OK;
}

/* One multipart body being filled. */
struct upload {
    struct buf body;
    char boundary[16 + ID_TEXT];
    int photos;
};

static void upload_add(struct upload *u, const char *name, struct str bytes)
{
    buf_printf(&u->body, "--%s\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"",
               u->boundary);
    for (const char *p = name; *p; p++)
        buf_putc(&u->body, *p == '"' || *p == '\\' || (unsigned char)*p < ' ' ? '_' : *p);
    buf_puts(&u->body, "\"\r\nContent-Type: application/octet-stream\r\n\r\n");
    buf_append(&u->body, bytes);
    buf_puts(&u->body, "\r\n");
    u->photos++;
}

/* Sends what is there; a busy server is asked again for a while. */
static enum err upload_send(struct remote *r, struct person *p, struct upload *u, struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(2 * MIB);
    buf_printf(&u->body, "--%s--\r\n", u->boundary);
    enum err err = buf_check(&u->body, e);
    char *path = a ? arena_printf(a, "/v1/students/%s/photos", p->student) : NULL;
    char *type = a ? arena_printf(a, "multipart/form-data; boundary=%s", u->boundary) : NULL;
    if (err || !path || !type)
        return error_set(e, ERR_NOMEM, "out of memory");
    for (int i = 0; i < BUSY_TRIES; i++) {
        json_t *job = NULL;
        err = remote_bytes(r, a, HTTP_POST, path, type, buf_str(&u->body), &job, e);
        if (!err) {
            snprintf(p->job, sizeof p->job, "%s", json_text(job, "id"));
            json_decref(job);
            break;
        }
        if (err != ERR_FULL && err != ERR_RATE)
            break;
        usleep((useconds_t)remote_retry_after(r, USEC_PER_SEC));
    }
    buf_reset(&u->body);
    u->photos = 0;
    return err;
}

/* ---- verdicts */

static void print_photo(const json_t *photo)
{
    _cleanup_(buf_done) struct buf line;
    const char *verdict = json_text(photo, "verdict");
    bool accepted = strcmp(verdict, "accepted") == 0;
    buf_init(&line, 4 * KIB);
    buf_puts(&line, "    ");
    text_fit(&line, str_from(json_text(photo, "name")), 40, false);
    buf_puts(&line, "  ");
    text_fit(&line, str_from(verdict), 16, false);
    if (accepted)
        buf_printf(&line, "  quality %.2f", json_num(photo, "quality"));
    else
        buf_puts(&line, "  ");
    struct str detail = str_from(accepted ? "" : json_text(photo, "detail"));
    text_fit(&line, detail, text_columns(detail), false);
    printf("%.*s\n", STR_ARGS(buf_str(&line)));
}

static void count_verdicts(struct person *p, const json_t *job, bool verbose,
                           struct people_summary *s)
{
    size_t i;
    const json_t *photo;
    json_array_foreach(json_object_get(job, "photos"), i, photo)
    {
        if (strcmp(json_text(photo, "verdict"), "accepted") == 0) {
            s->accepted++;
            p->photos++;
        } else {
            s->rejected++;
        }
        if (verbose)
            print_photo(photo);
    }
}

/* Waits for the person's job and prints its verdicts. */
static enum err wait_for_job(struct remote *r, struct person *p, bool verbose,
                             struct people_summary *s, struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(8 * MIB);
    usec_t until = time_mono() + JOB_WAIT_S * USEC_PER_SEC;
    char path[32 + ID_TEXT];
    snprintf(path, sizeof path, "/v1/jobs/%s", p->job);
    while (a && time_mono() < until) {
        json_t *job = NULL;
        enum err err = remote_json(r, a, HTTP_GET, path, NULL, &job, e);
        if (err)
            return error_wrap(e, err, "enrolment of %s", p->name);
        const char *state = json_text(job, "state");
        bool done = strcmp(state, "done") == 0, failed = strcmp(state, "failed") == 0;
        if (done || failed) {
            count_verdicts(p, job, verbose, s);
            p->job[0] = 0;
        }
        if (failed)
            err = error_set(e, ERR_UNPROCESSABLE, "enrolment of %s failed: %.120s", p->name,
                            json_text(job, "error"));
        json_decref(job);
        if (done || failed)
            return err;
        arena_reset(a);
        usleep(POLL_MS * 1000);
    }
    return error_set(e, ERR_TIMEOUT, "the enrolment of %s did not end within %d s", p->name,
                     JOB_WAIT_S);
}

/* Uploads all photos of the person's folder in as few requests as fit, job by job. */
static enum err upload_folder(struct remote *r, struct person *p, bool verbose,
                              struct people_summary *s, struct error *e)
{
    _cleanup_(arena_freep) struct arena *names = arena_new(16 * MIB);
    _cleanup_(arena_freep) struct arena *a = arena_new(PHOTO_MAX + MIB);
    struct upload u = {.photos = 0};
    struct frame_item *items = NULL;
    char boundary_id[ID_TEXT];
    int n = 0;
    if (!names || !a)
        return error_set(e, ERR_NOMEM, "out of memory");
    id_new(boundary_id);
    snprintf(u.boundary, sizeof u.boundary, "rollcall-%s", boundary_id);
    buf_init(&u.body, UPLOAD_MAX + PHOTO_MAX);
    enum err err = frames_list_folder(p->folder, names, &items, &n, e);
    for (int i = 0; i < n && !err; i++) {
        struct str bytes;
        struct error inner = {.code = ERR_OK};
        arena_reset(a);
        if (file_read(items[i].path, PHOTO_MAX, a, &bytes, &inner)) {
            printf("    %s: %s\n", items[i].name, inner.msg);
            s->rejected++;
            continue;
        }
        upload_add(&u, items[i].name, bytes);
        s->uploaded++;
        bool full = u.body.n > UPLOAD_MAX || u.photos == UPLOAD_PHOTOS_MAX;
        if (!full && i + 1 < n)
            continue;
        err = upload_send(r, p, &u, e);
        if (!err && i + 1 < n)
            err = wait_for_job(r, p, verbose, s, e);
    }
    if (!err && u.photos > 0)
        err = upload_send(r, p, &u, e);
    buf_done(&u.body);
    return err;
}

static void print_person(const struct person *p, const struct people_summary *before,
                         const struct people_summary *now)
{
    _cleanup_(buf_done) struct buf line;
    buf_init(&line, 2 * KIB);
    buf_puts(&line, "  ");
    text_fit(&line, str_from(p->name), 22, false);
    buf_puts(&line, "  ");
    text_fit(&line, str_from(p->external_id), 16, false);
    if (now->uploaded == before->uploaded && p->photos > 0)
        buf_printf(&line, "  already has %d photos", p->photos);
    else
        buf_printf(&line, "  %d of %d photos accepted", now->accepted - before->accepted,
                   now->accepted - before->accepted + now->rejected - before->rejected);
    printf("%.*s\n", STR_ARGS(buf_str(&line)));
    fflush(stdout);
}

/* ---- consents */

struct consent_wanted {
    const char *text_version;
    bool found;
};

static enum err match_consent(void *ctx, const json_t *item, struct error *e)
{
    struct consent_wanted *w = ctx;
    (void)e;
    if (json_is_true(json_object_get(item, "live")) &&
        strcmp(json_text(item, "purpose"), "recognition") == 0 &&
        strcmp(json_text(item, "text_version"), w->text_version) == 0)
        w->found = true;
    return ERR_OK;
}

/* Records the consent to recognition where the student has none in these words. */
static enum err give_consent(struct remote *r, const struct person *p, const char *text_version,
                             struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(4 * MIB);
    struct consent_wanted w = {.text_version = text_version};
    char path[64 + ID_TEXT];
    if (!a)
        return error_set(e, ERR_NOMEM, "out of memory");
    snprintf(path, sizeof path, "/v1/students/%s/consents", p->student);
    enum err err = remote_each(r, path, "", match_consent, &w, e);
    if (!err && !w.found)
        err = remote_json(
            r, a, HTTP_POST, path,
            json_pack("{s:s, s:s}", "purpose", "recognition", "text_version", text_version), NULL,
            e);
    return err ? error_wrap(e, err, "consent") : ERR_OK;
}

static enum err enrol_person(struct remote *r, struct person *p, const struct people_how *how,
                             struct people_summary *s, struct error *e)
{
    struct people_summary before = *s;
    enum err err = find_or_create(r, p, e);
    if (err)
        return err;
    if (p->created)
        s->created++;
    else
        s->existing++;
    p->job[0] = 0;
    if (how->consent)
        err = give_consent(r, p, how->consent, e);
    if (!err && (p->photos == 0 || how->again))
        err = upload_folder(r, p, how->verbose, s, e);
    if (err)
        return error_wrap(e, err, "%s", p->name);
    if (p->job[0])
        err = wait_for_job(r, p, how->verbose, s, e);
    if (err)
        return err;
    if (p->photos == 0)
        s->empty++;
    print_person(p, &before, s);
    return ERR_OK;
}

enum err people_enrol(struct remote *r, struct person *people, int n, const struct people_how *how,
                      struct people_summary *ret_summary, struct error *e)
{
    struct people_summary s = {0};
    for (int i = 0; i < n; i++) {
        enum err err = enrol_person(r, &people[i], how, &s, e);
        if (err)
            return err;
    }
    *ret_summary = s;
    return ERR_OK;
}

enum err people_put_on_roster(struct remote *r, const char *course_id, const struct person *p,
                              struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    char path[64 + 2 * ID_TEXT];
    if (!a)
        return error_set(e, ERR_NOMEM, "out of memory");
    snprintf(path, sizeof path, "/v1/courses/%s/roster/%s", course_id, p->student);
    enum err err = remote_json(r, a, HTTP_PUT, path, NULL, NULL, e);
    return err ? error_wrap(e, err, "roster entry of %s", p->external_id) : ERR_OK;
}
