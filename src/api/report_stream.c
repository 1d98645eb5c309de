/* The engine of reports: see report.h. Handler threads; a page is one db_read and lives in an arena
 * of its own. Invariant: between two pages nothing is held but the request. */
#include "api/report.h"

#include "base/day.h"
#include "base/tz.h"
#include "reports/table.h"

#include <math.h>
#include <stdio.h>

enum { LIMIT_ROWS_MAX = 1000 };
#define PAGE_ARENA ((size_t)64 * MIB)
#define PIECE_AIM ((size_t)64 * KIB)    /* pages go out together up to here, or ... */
#define PIECE_TIME (50 * USEC_PER_MSEC) /* ... until making them has taken so long */

static const struct field tally_fields[] = {
    FIELD_INT(struct report_tally, present, 0, 1e15, FIELD_REQUIRED, "In time."),
    FIELD_INT(struct report_tally, late, 0, 1e15, FIELD_REQUIRED, "Late; attended."),
    FIELD_INT(struct report_tally, left_early, 0, 1e15, FIELD_REQUIRED, "Left early; attended."),
    FIELD_INT(struct report_tally, absent, 0, 1e15, FIELD_REQUIRED, "Absent."),
    FIELD_INT(struct report_tally, excused, 0, 1e15, FIELD_REQUIRED,
              "Excused: counts neither way."),
    FIELD_REAL(struct report_tally, percent, 0, 100, FIELD_NULLABLE,
               "Attended, of attended and absent; null: nothing to count."),
};
const struct schema report_tally_schema = SCHEMA("ReportTally", struct report_tally, tally_fields);

static const struct field verified_fields[] = {
    FIELD_TIME(struct report_verified, at, FIELD_NULLABLE,
               "When the whole register was last verified; null: never."),
    FIELD_STR(struct report_verified, state, 0, 16, FIELD_REQUIRED,
              "What was found then: whole or damaged; never: nobody looked yet."),
    FIELD_TIME(struct report_verified, signed_at, FIELD_NULLABLE,
               "When the ends of its chains were last signed; null: never."),
    FIELD_INT(struct report_verified, age_s, 0, 1e15, FIELD_REQUIRED, "Seconds since."),
    FIELD_INT(struct report_verified, events, 0, 1e15, FIELD_REQUIRED, "Events looked at then."),
    FIELD_INT(struct report_verified, findings, 0, 1e15, FIELD_REQUIRED,
              "Things that were wrong: GET /v1/register/verification names them."),
};
const struct schema report_verified_schema =
    SCHEMA("ReportRegister", struct report_verified, verified_fields);

struct report_tally report_tally_of(const struct counts *t)
{
    return (struct report_tally){.present = t->present,
                                 .late = t->late,
                                 .left_early = t->left_early,
                                 .absent = t->absent,
                                 .excused = t->excused,
                                 .percent = counts_percent(t)};
}

/* ---- pages */

struct page_ask {
    struct report *t;
    struct arena *a;
    struct report_page page;
};

static enum err page_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct page_ask *ask = ctx;
    ask->page = (struct report_page){0};
    return ask->t->kind->page(cx, ask->t, ask->a, &ask->page, e);
}

static enum err row_put(struct report *t, struct arena *a, const void *row, struct buf *out,
                        struct error *e)
{
    struct csv w = {.out = out};
    struct str json = STR("");
    counts_sum(&t->totals, &((const struct report_row *)row)->tally);
    if (t->csv) {
        table_row(&w, t->kind->row, row);
        return ERR_OK;
    }
    enum err r = schema_print(t->kind->row, row, a, &json, e);
    if (t->sent > 0)
        buf_putc(out, ',');
    buf_append(out, json);
    return r;
}

/* The end of the JSON. */
static enum err tail_put(struct report *t, struct arena *a, bool more, struct buf *out,
                         struct error *e)
{
    const struct schema *s = t->kind->out;
    const struct schema tail = {.name = s->name,
                                .size = s->size,
                                .fields = s->fields + s->n - REPORT_TAIL_N + 1,
                                .n = REPORT_TAIL_N - 1,
                                .has_offset = SIZE_MAX};
    struct report_head last = {.totals = report_tally_of(&t->totals),
                               .next = more ? str_from(t->after) : STR("")};
    struct str json;
    if (t->csv)
        return ERR_OK;
    enum err r = schema_print(&tail, &last, a, &json, e);
    if (r)
        return r;
    buf_puts(out, "],");
    buf_append(out, (struct str){json.p + 1, json.n - 1});
    return ERR_OK;
}

static void cursor_set(struct report *t, struct str cursor)
{
    snprintf(t->after, sizeof t->after, "%.*s", STR_ARGS(cursor));
}

/* One page into out; ret_end: it was the last, and the end is written. */
static enum err page_put(struct report *t, struct buf *out, bool *ret_end, struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(PAGE_ARENA);
    if (!a)
        return error_set(e, ERR_NOMEM, "no memory for a page of the report");
    struct page_ask ask = {.t = t, .a = a};
    enum err r = recent_read(t->api, t->fresh, page_fn, &ask, e);
    const struct report_page *p = &ask.page;
    bool full = false;
    for (int i = 0; r == ERR_OK && i < p->n && !full; i++) {
        const char *row = p->rows + (size_t)i * t->kind->row->size;
        r = row_put(t, a, row, out, e);
        t->sent++;
        full = t->sent == t->limit;
        if (full && (i + 1 < p->n || !p->last))
            cursor_set(t, ((const struct report_row *)(const void *)row)->cursor);
        else if (full)
            cursor_set(t, STR(""));
    }
    if (!full)
        cursor_set(t, p->last ? STR("") : p->cursor);
    *ret_end = full || p->last;
    return r || !*ret_end ? r : tail_put(t, a, t->after[0] != 0, out, e);
}

static enum err stream_fn(void *ctx, struct http_request *req, struct buf *out, bool *ret_more,
                          struct error *e)
{
    usec_t until = time_mono() + PIECE_TIME;
    bool end = false;
    enum err r = ERR_OK;
    (void)req;
    do
        r = page_put(ctx, out, &end, e);
    while (r == ERR_OK && !end && out->n < PIECE_AIM && time_mono() < until);
    *ret_more = !end;
    return r;
}

/* ---- the beginning */

struct head_ask {
    struct report *t;
    struct report_head head;
};

static struct report_verified verified_of(const struct report_verification *v)
{
    usec_t now = time_utc();
    return (struct report_verified){.at = v->at,
                                    .state = !v->at            ? STR("never")
                                             : v->findings > 0 ? STR("damaged")
                                                               : STR("whole"),
                                    .age_s =
                                        v->at && now > v->at ? (now - v->at) / USEC_PER_SEC : 0,
                                    .signed_at = v->signed_at,
                                    .events = v->events,
                                    .findings = v->findings};
}

static enum err head_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct head_ask *ask = ctx;
    struct report_verification v;
    ask->head = (struct report_head){.generated_at = time_utc(),
                                     .from = ask->t->filter.from,
                                     .to = ask->t->filter.to,
                                     .tz = str_from(ask->t->filter.tz),
                                     .counts.percent = (double)NAN};
    enum err r = report_verification_get(cx, &v, e);
    if (r)
        return r;
    ask->head.verified = verified_of(&v);
    return ask->t->kind->head(cx, ask->t, &ask->head, e);
}

static enum err head_put(struct report *t, const struct report_head *head, struct buf *out,
                         struct error *e)
{
    const struct schema *s = t->kind->out;
    const struct schema first = {.name = s->name,
                                 .size = s->size,
                                 .fields = s->fields,
                                 .n = s->n - REPORT_TAIL_N,
                                 .has_offset = SIZE_MAX};
    struct csv w;
    struct str json;
    if (t->csv) {
        csv_begin(&w, out, t->bom);
        table_head(&w, t->kind->row, t->columns, t->n_columns);
        return ERR_OK;
    }
    enum err r = schema_print(&first, head, t->a, &json, e);
    if (r)
        return r;
    buf_append(out, (struct str){json.p, json.n - 1});
    buf_puts(out, ",\"items\":[");
    return ERR_OK;
}

/* ---- what was asked */

/* A time, or a day in the time zone: `to` a day means through that day. */
static enum err when_asked(struct call *c, const char *name, struct str tz, bool to,
                           usec_t *ret_utc, struct error *e)
{
    struct str v;
    int64_t day;
    enum err r = call_query(c, name, &v, e);
    if (r || !v.p)
        return r;
    if (day_parse(v, &day, NULL)) {
        r = time_parse_iso(v, ret_utc, e);
        return r ? error_set(e, ERR_INVALID, "%s is a day (2026-11-22) or a time (RFC 3339)", name)
                 : ERR_OK;
    }
    return tz_to_utc(tz, (day + to) * USEC_PER_DAY, ret_utc, e);
}

static enum err number_asked(struct call *c, const char *name, int64_t low, int64_t high,
                             int64_t *ret_value, struct error *e)
{
    struct str v;
    int64_t n = 0;
    enum err r = call_query(c, name, &v, e);
    if (r || !v.p)
        return r;
    if (str_to_i64(v, &n, NULL) || n < low || n > high)
        return error_set(e, ERR_INVALID, "%s is a number from %lld to %lld", name, (long long)low,
                         (long long)high);
    *ret_value = n;
    return ERR_OK;
}

static enum err zone_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct report *t = ctx;
    struct course_id course = id_is_empty(t->course.text) ? t->filter.course : t->course;
    return report_zone(cx, t->session, course, t->filter.tz, e);
}

/* Which sessions; days and weekdays are those of `tz`, or of where they are held. */
static enum err filter_asked(struct call *c, struct report *t, struct error *e)
{
    struct report_filter *f = &t->filter;
    struct str asked, tz;
    int64_t weekday = 0;
    enum err r = call_query(c, "tz", &asked, e);
    if (r == ERR_OK && asked.p)
        r = tz_check(asked, e);
    if (r == ERR_OK && asked.p)
        snprintf(f->tz, sizeof f->tz, "%.*s", STR_ARGS(asked));
    else if (r == ERR_OK)
        r = recent_read(c->api, t->fresh, zone_fn, t, e);
    tz = str_from(f->tz);
    if (r == ERR_OK)
        r = when_asked(c, "from", tz, false, &f->from, e);
    if (r == ERR_OK)
        r = when_asked(c, "to", tz, true, &f->to, e);
    if (r == ERR_OK && f->to && f->to <= f->from)
        r = error_set(e, ERR_INVALID, "to is not after from");
    if (r == ERR_OK)
        r = number_asked(c, "weekday", 1, 7, &weekday, e);
    f->weekday = (int)weekday;
    return r;
}

enum err report_answer(struct call *c, struct report *t, const struct report_kind *kind,
                       struct error *e)
{
    _cleanup_(buf_done) struct buf out;
    bool more = false;
    struct head_ask ask = {.t = t};
    t->kind = kind;
    buf_init(&out, HTTP_PIECE_MAX);
    enum err r = filter_asked(c, t, e);
    if (r == ERR_OK)
        r = recent_read(c->api, t->fresh, head_fn, &ask, e);
    if (r == ERR_OK)
        r = head_put(t, &ask.head, &out, e);
    if (r == ERR_OK)
        r = stream_fn(t, c->req, &out, &more, e);
    if (r == ERR_OK)
        r = buf_check(&out, e);
    if (r)
        return r;
    c->raw_body = arena_copy(c->a, buf_str(&out));
    c->raw_type = t->csv ? STR("text/csv; charset=utf-8") : STR("application/json");
    if (t->csv)
        c->file_name = kind->name;
    if (!c->raw_body.p)
        return error_set(e, ERR_NOMEM, "no memory for the report");
    c->stream = more ? stream_fn : NULL;
    c->stream_ctx = t;
    return ERR_OK;
}

static bool wants_csv(struct call *c)
{
    struct str part, accept = http_header_get(c->req, "accept");
    while (accept.p && str_split(&accept, ',', &part)) {
        struct str type;
        if (str_split(&part, ';', &type) && str_eq_nocase(str_trim(type), STR("text/csv")))
            return true;
    }
    return false;
}

static enum err format_asked(struct call *c, struct report *t, struct error *e)
{
    static const char *const formats[] = {"json", "csv", NULL};
    int format = -1;
    struct str after;
    enum err r = call_word(c, "format", formats, &format, e);
    if (r == ERR_OK)
        r = call_flag(c, "bom", &t->bom, e);
    if (r == ERR_OK)
        r = number_asked(c, "limit", 1, LIMIT_ROWS_MAX, &t->limit, e);
    if (r == ERR_OK)
        r = call_query(c, "after", &after, e);
    if (r)
        return r;
    t->csv = format < 0 ? wants_csv(c) : format == 1;
    if (after.p && after.n >= sizeof t->after)
        return error_set(e, ERR_INVALID, "after is not a cursor of this report");
    if (after.p)
        cursor_set(t, after);
    return ERR_OK;
}

enum err report_ask(struct call *c, struct report **ret_report, struct error *e)
{
    void *memory;
    enum err r = call_alloc(c, sizeof(struct report), &memory, e);
    if (r)
        return r;
    struct report *t = memory;
    t->api = c->api;
    t->a = c->a;
    t->scope = c->who.scope;
    t->fresh = recent_must_be_fresh(c);
    t->may_see_how = principal_may(&c->who, PERM_REGISTER_READ);
    memcpy(t->filter.instructor, t->scope.instructor, ID_TEXT);
    t->below = (double)NAN;
    t->late_over = -1;
    r = format_asked(c, t, e);
    *ret_report = t;
    return r;
}

enum err report_id(struct call *c, const char *name, char ret_text[static ID_TEXT], struct error *e)
{
    struct str v;
    enum err r = call_query(c, name, &v, e);
    if (r == ERR_OK && !v.p)
        return error_set(e, ERR_INVALID, "say which: ?%s=ID", name);
    return r ? r : id_parse(v, ret_text, e);
}

enum err report_marks_asked(struct call *c, struct report *t, struct error *e)
{
    static const char *const words[] = {"present", "late", "left-early", "absent", "excused", NULL};
    int status = -1;
    enum err r = call_word(c, "status", words, &status, e);
    if (r == ERR_OK)
        r = number_asked(c, "late_over", 0, 24 * 60, &t->late_over, e);
    if (r == ERR_OK && status >= 0)
        t->status = str_from(words[status]);
    return r;
}

enum err report_below_asked(struct call *c, struct report *t, struct error *e)
{
    struct str v;
    double n = 0;
    enum err r = call_query(c, "below", &v, e);
    if (r || !v.p)
        return r;
    if (str_to_double(v, &n, NULL) || !(n >= 0 && n <= 100))
        return error_set(e, ERR_INVALID, "below is a percentage, 0 to 100");
    t->below = n;
    return ERR_OK;
}

/* ---- what kinds share */

enum err report_allowed(struct db_cx *cx, const struct report *t, enum access_to what,
                        const char *id, struct error *e)
{
    bool theirs = true;
    if (t->scope.student[0] && what != ACCESS_STUDENT)
        return error_set(e, ERR_FORBIDDEN,
                         "this is about everybody in it: ask for the report of a student");
    enum err r =
        scope_is_all(&t->scope) ? ERR_OK : access_check(cx, &t->scope, what, id, &theirs, e);
    return r || theirs
               ? r
               : error_set(e, ERR_NOT_FOUND, "there is nothing with this id, or it is not yours");
}

bool report_mark_asked(const struct report *t, struct str status, int64_t late_min)
{
    bool late_enough = t->late_over < 0 || (str_is(status, "late") && late_min > t->late_over);
    return late_enough && (!t->status.p || str_eq(status, t->status));
}

void report_hide_how(const struct report *t, usec_t first_seen, usec_t *last_seen, int64_t *minutes)
{
    if (t->may_see_how)
        return;
    *last_seen = first_seen;
    *minutes = 0;
}

int64_t report_minutes(usec_t from, usec_t to)
{
    return from > 0 && to > from ? (to - from) / USEC_PER_MIN : 0;
}

struct str report_name(struct str name) { return name.n ? name : STR("Erased student"); }
