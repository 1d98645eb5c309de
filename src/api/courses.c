/* Courses and rosters: see the route table. Handler threads; one or two queries a call. */
#include "api/handlers.h"

#include "base/day.h"
#include "base/tz.h"
#include "store/course.h"

struct course_in {
    uint64_t has;
    struct str code, title, term;
    int64_t confirmations, late_after_min, early_before_min, minutes_needed, sweeps, sweeps_needed;
    char term_id[ID_TEXT];
};

#define RULES(type, required)                                                                      \
    FIELD_INT(type, early_before_min, 0, 600, required,                                            \
              "Who is last seen more minutes before the end has left early; 0: never."),           \
        FIELD_INT(type, minutes_needed, 0, 1440, required,                                         \
                  "Minutes with a sighting that a student needs, else absent; 0: none."),          \
        FIELD_INT(type, sweeps, 0, 100, required,                                                  \
                  "Equal parts into which the session is cut; 0: none."),                          \
        FIELD_INT(type, sweeps_needed, 0, 100, required,                                           \
                  "In how many of the sweeps a student needs a sighting, else absent.")

static const struct field course_fields[] = {
    FIELD_ID(struct course, id, FIELD_REQUIRED, "The course's id."),
    FIELD_STR(struct course, code, 1, 64, FIELD_REQUIRED, "Unique within a term."),
    FIELD_STR(struct course, title, 1, 200, FIELD_REQUIRED, "The course's title."),
    FIELD_STR(struct course, term, 0, 64, FIELD_REQUIRED, "Such as 2026W; may be empty."),
    FIELD_INT(struct course, confirmations, 1, 10, FIELD_REQUIRED, "Sightings a mark needs."),
    FIELD_INT(struct course, late_after_min, 0, 600, FIELD_REQUIRED,
              "Minutes after the start from which a student is late; 0: never."),
    RULES(struct course, FIELD_REQUIRED),
    FIELD_ID(struct course, term_id, FIELD_NULLABLE,
             "The term (/v1/terms) whose days bound its timetable; null: none."),
    FIELD_INT(struct course, version, 1, 1e15, FIELD_REQUIRED, "Grows with each change; the ETag."),
    FIELD_TIME(struct course, created_at, FIELD_REQUIRED, "When it was made."),
    FIELD_TIME(struct course, updated_at, FIELD_REQUIRED, "When it last changed."),
};
const struct schema course_schema = SCHEMA("Course", struct course, course_fields);
LIST_SCHEMA(course_list, "CourseList", course_schema)

#define COURSE_IN(required)                                                                        \
    FIELD_STR(struct course_in, code, 1, 64, required, "Unique within a term."),                   \
        FIELD_STR(struct course_in, title, 1, 200, required, "The course's title."),               \
        FIELD_STR(struct course_in, term, 0, 64, 0, "Such as 2026W."),                             \
        FIELD_INT(struct course_in, confirmations, 1, 10, 0, "Sightings a mark needs."),           \
        FIELD_INT(struct course_in, late_after_min, 0, 600, 0,                                     \
                  "Minutes after the start from which a student is late; 0: never."),              \
        RULES(struct course_in, 0),                                                                \
        FIELD_ID(struct course_in, term_id, FIELD_NULLABLE,                                        \
                 "The term (/v1/terms) whose days bound its timetable.")
static const struct field course_in_fields[] = {COURSE_IN(FIELD_REQUIRED)};
static const struct field course_patch_fields[] = {COURSE_IN(0)};
const struct schema course_in_schema = SCHEMA_PATCH("CourseIn", struct course_in, course_in_fields);
const struct schema course_patch_schema =
    SCHEMA_PATCH("CoursePatch", struct course_in, course_patch_fields);

struct course_ctx {
    struct call *c;
    struct course_filter filter;
    struct list_page page;
    struct course *course;
    const struct course_in *in;
    struct course_id id;
    struct student_id student;
    int64_t version;
    int limit, n;
    usec_t at;
    struct roster_span span;
    struct roster_row *rows;
    bool added;
};

/* Where the course itself is there. */
static enum err no_term(enum err r, struct error *e)
{
    return r == ERR_NOT_FOUND ? error_set(e, ERR_INVALID, "term_id does not exist") : r;
}

static enum err insert_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct course_ctx *t = ctx;
    return no_term(course_insert(cx, t->course, e), e);
}

static void apply(const struct course_in *in, struct course *course)
{
    if (in->has & 1u << 0)
        course->code = in->code;
    if (in->has & 1u << 1)
        course->title = in->title;
    if (in->has & 1u << 2)
        course->term = in->term;
    if (in->has & 1u << 3)
        course->confirmations = in->confirmations;
    if (in->has & 1u << 4)
        course->late_after_min = in->late_after_min;
    if (in->has & 1u << 5)
        course->early_before_min = in->early_before_min;
    if (in->has & 1u << 6)
        course->minutes_needed = in->minutes_needed;
    if (in->has & 1u << 7)
        course->sweeps = in->sweeps;
    if (in->has & 1u << 8)
        course->sweeps_needed = in->sweeps_needed;
    if (in->has & 1u << 9)
        memcpy(course->term_id, in->term_id, ID_TEXT);
}

static enum err rules_check(const struct course *course, struct error *e)
{
    if (course->sweeps_needed > course->sweeps)
        return error_set(e, ERR_INVALID, "sweeps_needed must not be more than sweeps (%lld)",
                         (long long)course->sweeps);
    return ERR_OK;
}

enum err course_create(struct call *c, struct error *e)
{
    void *memory;
    enum err r = call_alloc(c, sizeof(struct course), &memory, e);
    struct course_ctx t = {.c = c, .course = memory};
    if (r == ERR_OK)
        r = course_defaults(c, t.course, e);
    if (r)
        return r;
    t.course->created_at = t.course->updated_at = time_utc();
    id_new(t.course->id.text);
    apply(c->in, t.course);
    r = rules_check(t.course, e);
    if (r == ERR_OK)
        r = db_tx(c->api->env.db, insert_fn, &t, e);
    c->out = t.course;
    c->version = 1;
    return r ? r : call_location(c, "/v1/courses/", t.course->id.text, e);
}

static enum err get_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct course_ctx *t = ctx;
    return course_get(cx, t->c->a, t->id, t->course, e);
}

enum err course_show(struct call *c, struct error *e)
{
    void *memory;
    enum err r = call_alloc(c, sizeof(struct course), &memory, e);
    struct course_ctx t = {.c = c, .course = memory};
    if (r == ERR_OK)
        r = call_id(c, 0, t.id.text, e);
    if (r == ERR_OK)
        r = db_read(c->api->env.db, get_fn, &t, e);
    if (r)
        return r;
    c->out = t.course;
    c->version = t.course->version;
    return ERR_OK;
}

static enum err list_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct course_ctx *t = ctx;
    const struct course_filter *f = &t->filter;
    const struct scope *scope = &t->c->who.scope;
    struct course_id after;
    bool plain = page_by_id(&t->page) && !t->page.descending && !f->search.p && !f->term.p &&
                 !f->instructor[0];
    memcpy(after.text, t->page.after, ID_TEXT);
    return plain ? course_list(cx, t->c->a, scope, after, t->page.limit, &t->course, &t->n, e)
                 : course_search(cx, t->c->a, scope, f, &t->page, &t->course, &t->n, e);
}

enum err course_index(struct call *c, struct error *e)
{
    static const char *const sorts[] = {"code", "title", "created_at", NULL};
    struct course_ctx t = {.c = c};
    struct str instructor;
    enum err r = call_sorted(c, sorts, &t.page, e);
    if (r == ERR_OK)
        r = call_query(c, "search", &t.filter.search, e);
    if (r == ERR_OK)
        r = call_query(c, "term", &t.filter.term, e);
    if (r == ERR_OK)
        r = call_query(c, "instructor", &instructor, e);
    if (r == ERR_OK && instructor.p)
        r = error_wrap(e, id_parse(instructor, t.filter.instructor, e), "instructor");
    if (r == ERR_OK)
        r = call_read(c, list_fn, &t, e);
    if (r)
        return r;
    const struct course *last = t.n == t.page.limit ? &t.course[t.n - 2] : NULL;
    bool by_title = strcmp(t.page.sort, "title") == 0;
    struct str key = last ? by_title ? call_fold(c, last->title) : last->code : STR("");
    return call_list_sorted(c, t.course, t.n, &t.page, sizeof *t.course,
                            offsetof(struct course, id), key, e);
}

static enum err patch_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct course_ctx *t = ctx;
    enum err r = course_get(cx, t->c->a, t->id, t->course, e);
    if (r)
        return r;
    apply(t->in, t->course);
    t->course->version = t->version;
    t->course->updated_at = time_utc();
    r = rules_check(t->course, e);
    return r ? r : no_term(course_update(cx, t->course, &t->course->version, e), e);
}

enum err course_patch(struct call *c, struct error *e)
{
    void *memory;
    enum err r = call_alloc(c, sizeof(struct course), &memory, e);
    struct course_ctx t = {.c = c, .course = memory, .in = c->in};
    if (r == ERR_OK)
        r = call_id(c, 0, t.id.text, e);
    if (r == ERR_OK)
        r = call_if_match(c, &t.version, e);
    if (r == ERR_OK)
        r = db_tx(c->api->env.db, patch_fn, &t, e);
    if (r)
        return r;
    c->out = t.course;
    c->version = t.course->version;
    return ERR_OK;
}

static enum err delete_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct course_ctx *t = ctx;
    return course_delete(cx, t->id, e);
}

enum err course_remove(struct call *c, struct error *e)
{
    struct course_ctx t = {.c = c};
    enum err r = call_id(c, 0, t.id.text, e);
    return r ? r : db_tx(c->api->env.db, delete_fn, &t, e);
}

/* ---- roster */

struct roster_out {
    struct person student;
    int64_t photos;
    usec_t valid_from, valid_to;
};

static const struct field roster_fields[] = {
    FIELD_OBJECT(struct roster_out, student, &person_schema, FIELD_REQUIRED, "Who."),
    FIELD_INT(struct roster_out, photos, 0, 1e6, FIELD_REQUIRED,
              "Photos behind the student's template; 0: cannot be recognised yet."),
    FIELD_TIME(struct roster_out, valid_from, FIELD_REQUIRED, "Enrolled since."),
    FIELD_TIME(struct roster_out, valid_to, FIELD_NULLABLE, "Enrolled until; null: still."),
};
const struct schema roster_schema = SCHEMA("RosterEntry", struct roster_out, roster_fields);
LIST_SCHEMA(roster_list, "Roster", roster_schema)

static enum err roster_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct course_ctx *t = ctx;
    struct api_engine engine = call_engine(t->c);
    enum err r = course_get(cx, t->c->a, t->id, t->course, e);
    return r ? r
             : roster_during(cx, t->c->a, t->id, &t->span, str_from(engine.encoder),
                             str_from(engine.preprocessing), &t->rows, &t->n, e);
}

/* The whole of a day, on the clock of the time zone `tz`. */
static enum err read_day(struct str on, struct str tz, struct roster_span *ret_span,
                         struct error *e)
{
    int64_t day;
    usec_t first, next;
    struct str zone = tz.p ? tz : STR("UTC");
    enum err r = day_parse(on, &day, e);
    if (r == ERR_OK)
        r = tz_to_utc(zone, day * USEC_PER_DAY, &first, e);
    if (r == ERR_OK)
        r = tz_to_utc(zone, (day + 1) * USEC_PER_DAY, &next, e);
    if (r == ERR_OK)
        *ret_span = (struct roster_span){first, next - 1};
    return r;
}

/* Of which time: at (an instant), on (a day, or an instant) with tz; now. */
static enum err read_span(struct call *c, struct roster_span *ret_span, struct error *e)
{
    struct str at, on, tz;
    usec_t when = time_utc();
    enum err r = call_query(c, "at", &at, e);
    if (r == ERR_OK)
        r = call_query(c, "on", &on, e);
    if (r == ERR_OK)
        r = call_query(c, "tz", &tz, e);
    if (r)
        return r;
    if (at.p && on.p)
        return error_set(e, ERR_INVALID, "ask with at or with on, not with both");
    if (on.p && on.n <= sizeof "YYYY-MM-DD" - 1)
        return error_wrap(e, read_day(on, tz, ret_span, e), "on");
    if (at.p || on.p)
        r = time_parse_iso(at.p ? at : on, &when, e);
    *ret_span = (struct roster_span){when, when};
    return r;
}

enum err roster_index(struct call *c, struct error *e)
{
    struct course course;
    struct course_ctx t = {.c = c, .course = &course};
    enum err r = call_id(c, 0, t.id.text, e);
    if (r == ERR_OK)
        r = read_span(c, &t.span, e);
    if (r == ERR_OK)
        r = db_read(c->api->env.db, roster_fn, &t, e);
    struct roster_out *out = r ? NULL : arena_array(c->a, (size_t)t.n, sizeof *out);
    if (!out)
        return r ? r : error_set(e, ERR_NOMEM, "no memory for a roster of %d", t.n);
    for (int i = 0; i < t.n; i++) {
        memcpy(out[i].student.id, t.rows[i].student.text, ID_TEXT);
        out[i].student.external_id = t.rows[i].external_id;
        out[i].student.name = t.rows[i].name;
        out[i].photos = t.rows[i].templates;
        out[i].valid_from = t.rows[i].valid_from;
        out[i].valid_to = t.rows[i].valid_to;
    }
    return call_list(c, out, t.n, t.n, sizeof *out, offsetof(struct roster_out, student), e);
}

static enum err enrol_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct course_ctx *t = ctx;
    struct student_id *ids;
    enum err r = roster_add(cx, t->id, t->student, t->at, &t->added, e);
    return r ? r : roster_ids(cx, t->c->a, t->id, t->at, &ids, &t->n, &t->version, e);
}

static enum err unenrol_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct course_ctx *t = ctx;
    struct student_id *ids;
    enum err r = roster_remove(cx, t->id, t->student, t->at, e);
    return r ? r : roster_ids(cx, t->c->a, t->id, t->at, &ids, &t->n, &t->version, e);
}

static enum err change_roster(struct call *c, db_fn fn, struct error *e)
{
    struct course_ctx t = {.c = c, .at = time_utc()};
    enum err r = call_id(c, 0, t.id.text, e);
    if (r == ERR_OK)
        r = call_id(c, 1, t.student.text, e);
    if (r == ERR_OK)
        r = db_tx(c->api->env.db, fn, &t, e);
    if (r)
        return r;
    live_roster_changed(c->api, t.id, t.version);
    return ERR_OK;
}

enum err roster_put(struct call *c, struct error *e) { return change_roster(c, enrol_fn, e); }

enum err roster_delete(struct call *c, struct error *e) { return change_roster(c, unenrol_fn, e); }
