/* A student's marks over sessions, for the student and for those who may see the student. Handler
 * threads; a query for the page and two for each mark of it. */
#include "api/handlers.h"

#include "attendance/policy.h"
#include "store/record.h"

static const char *const status_words[] = {"present", "late",    "left-early",
                                           "absent",  "excused", NULL};

struct record_out {
    char session[ID_TEXT];
    struct {
        char id[ID_TEXT];
        struct str code, title;
    } course; /* as the schema CourseRef has it */
    struct str title;
    usec_t planned_start, started_at;
    struct mark_out mark;
};

static const struct field record_fields[] = {
    FIELD_ID(struct record_out, session, FIELD_REQUIRED, "The session's id."),
    FIELD_OBJECT(struct record_out, course, &course_ref_schema, FIELD_REQUIRED, "Its course."),
    FIELD_STR(struct record_out, title, 0, 200, FIELD_REQUIRED, "Of the session; may be empty."),
    FIELD_TIME(struct record_out, planned_start, FIELD_NULLABLE, "When it should start."),
    FIELD_TIME(struct record_out, started_at, FIELD_NULLABLE, "When it started."),
    FIELD_OBJECT(struct record_out, mark, &mark_schema, FIELD_REQUIRED,
                 "The mark, with its receipt."),
};
static const struct schema record_schema = SCHEMA("SessionMark", struct record_out, record_fields);
LIST_SCHEMA(record_list, "SessionMarkList", record_schema)

struct record_ctx {
    struct call *c;
    struct student_id student;
    struct record_filter filter;
    struct record_row *rows;
    struct presence *known;
    int limit, n;
};

static enum err list_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct record_ctx *t = ctx;
    enum err r = record_list(cx, t->c->a, &t->c->who.scope, t->student, &t->filter, t->limit + 1,
                             &t->rows, &t->n, e);
    t->known = r ? NULL : arena_array(t->c->a, (size_t)t->n, sizeof *t->known);
    if (r == ERR_OK && !t->known)
        return error_set(e, ERR_NOMEM, "no memory for %d marks", t->n);
    for (int i = 0; r == ERR_OK && i < t->n; i++)
        r = mark_known(cx, t->c->a, &t->rows[i].mark, &t->known[i], e);
    return r;
}

static enum err read_filter(struct call *c, struct record_ctx *t, struct error *e)
{
    struct str course;
    int status = -1;
    enum err r = call_page(c, &t->limit, t->filter.before.text, e);
    if (r == ERR_OK)
        r = call_query(c, "course", &course, e);
    if (r == ERR_OK && course.p)
        r = id_parse(course, t->filter.course.text, e);
    if (r == ERR_OK)
        r = call_word(c, "status", status_words, &status, e);
    if (r == ERR_OK)
        r = call_time(c, "from", &t->filter.from, e);
    if (r == ERR_OK)
        r = call_time(c, "to", &t->filter.to, e);
    if (r == ERR_OK)
        r = call_flag(c, "disputed", &t->filter.disputed, e);
    if (status >= 0)
        t->filter.status = str_from(status_words[status]);
    return r;
}

static enum err answer(struct call *c, struct record_ctx *t, struct error *e)
{
    enum err r = read_filter(c, t, e);
    if (r == ERR_OK)
        r = db_read(c->api->env.db, list_fn, t, e);
    struct record_out *out = r ? NULL : arena_array(c->a, (size_t)t->n, sizeof *out);
    if (!out)
        return r ? r : error_set(e, ERR_NOMEM, "no memory for %d marks", t->n);
    for (int i = 0; i < t->n; i++) {
        const struct record_row *row = &t->rows[i];
        memcpy(out[i].session, row->mark.session.text, ID_TEXT);
        memcpy(out[i].course.id, row->course.text, ID_TEXT);
        out[i].course.code = row->course_code;
        out[i].course.title = row->course_title;
        out[i].title = row->session_title;
        out[i].planned_start = row->planned_start;
        out[i].started_at = row->started_at;
        mark_output(&row->mark, &t->known[i], &out[i].mark);
    }
    return call_list(c, out, t->n, t->limit, sizeof *out, offsetof(struct record_out, session), e);
}

enum err record_index(struct call *c, struct error *e)
{
    struct record_ctx t = {.c = c};
    enum err r = call_id(c, 0, t.student.text, e);
    return r ? r : answer(c, &t, e);
}

enum err me_marks(struct call *c, struct error *e)
{
    struct record_ctx t = {.c = c};
    const char *own = c->who.scope.student;
    if (!own[0] || strcmp(own, SCOPE_NOBODY) == 0)
        return error_set(e, ERR_NOT_FOUND, "your user is tied to no student");
    memcpy(t.student.text, own, ID_TEXT);
    return answer(c, &t, e);
}
