/* The sessions of a course as an iCalendar file, to be subscribed to. Handler threads; one query
 * for each page of sessions, memory that of one page and of the answer. */
#include "api/handlers.h"

#include "base/buf.h"
#include "exchange/icalendar_write.h"
#include "store/course.h"
#include "store/session.h"

enum { PAGE = 200, EVENTS_MAX = 5000, BACK_DAYS = 400, EVENT_BYTES = 1024 };
#define PAGE_ARENA ((size_t)4 * MIB)

struct calendar_ctx {
    struct call *c;
    struct course_id course;
    struct arena *page;
    struct buf *out;
};

static void put(struct buf *out, const struct session *s)
{
    const struct icalendar_entry entry = {.id = s->id.text,
                                          .title = s->title.n ? s->title : s->course_title,
                                          .category = s->course_code,
                                          .start = s->planned_start,
                                          .end = s->planned_end,
                                          .changed_at = s->updated_at,
                                          .sequence = s->version - 1,
                                          .cancelled = s->status == SESSION_CANCELLED};
    if (s->planned_start && s->planned_end > s->planned_start)
        icalendar_put(out, &entry);
}

static enum err sessions_put(struct db_cx *cx, struct calendar_ctx *t, struct error *e)
{
    const struct session_filter filter = {.course = t->course,
                                          .from = time_utc() - BACK_DAYS * USEC_PER_DAY};
    struct session_id before = {0};
    int n = PAGE;
    for (int all = 0; n == PAGE; all += n) {
        struct session *list = NULL;
        if (all >= EVENTS_MAX)
            return error_set(e, ERR_TOO_LARGE, "the course has more than %d sessions", EVENTS_MAX);
        arena_reset(t->page);
        enum err r = session_list(cx, t->page, NULL, &filter, before, PAGE, &list, &n, e);
        if (r)
            return r;
        for (int i = 0; i < n; i++)
            put(t->out, &list[i]);
        if (n)
            before = list[n - 1].id;
    }
    return ERR_OK;
}

static enum err read_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct calendar_ctx *t = ctx;
    struct course course;
    buf_reset(t->out);
    arena_reset(t->page);
    enum err r = course_get(cx, t->page, t->course, &course, e);
    if (r)
        return r;
    icalendar_begin(t->out, course.title);
    r = sessions_put(cx, t, e);
    icalendar_end(t->out);
    return r ? r : buf_check(t->out, e);
}

enum err course_calendar(struct call *c, struct error *e)
{
    _cleanup_(buf_done) struct buf out;
    _cleanup_(arena_freep) struct arena *page = arena_new(PAGE_ARENA);
    struct calendar_ctx t = {.c = c, .page = page, .out = &out};
    buf_init(&out, (size_t)EVENTS_MAX * EVENT_BYTES);
    enum err r = page ? call_id(c, 0, t.course.text, e)
                      : error_set(e, ERR_NOMEM, "no memory for a calendar");
    if (r == ERR_OK)
        r = db_read(c->api->env.db, read_fn, &t, e);
    if (r)
        return r;
    c->raw_body = arena_copy(c->a, buf_str(&out));
    c->raw_type = STR("text/calendar; charset=utf-8");
    return c->raw_body.p ? ERR_OK : error_set(e, ERR_NOMEM, "no memory for the calendar");
}
