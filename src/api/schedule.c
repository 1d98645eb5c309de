/* The periodic jobs as operators see them: GET /v1/system/schedule, POST .../{job}/run. Handler
 * threads; one query a call. Whichever process runs the job, it looks once a second what is due;
 * the bus says that it should look now. */
#include "api/handlers.h"

#include "attendance/event.h"
#include "base/log.h"
#include "store/schedule.h"

enum { ENTRIES_MAX = 100 };

struct entry_out {
    struct str job, last_error;
    double period_s, last_duration_ms;
    usec_t last_run, next_run;
    int64_t last_did, runs, failures;
    bool running;
};

struct schedule_out {
    struct entry_out *items;
    int n;
};

static const struct field entry_fields[] = {
    FIELD_STR(struct entry_out, job, 1, 64, FIELD_REQUIRED, "Its name."),
    FIELD_REAL(struct entry_out, period_s, 0, 1e9, FIELD_REQUIRED, "Seconds between runs."),
    FIELD_TIME(struct entry_out, last_run, FIELD_NULLABLE, "When it last ended; null: never."),
    FIELD_REAL(struct entry_out, last_duration_ms, 0, 1e9, FIELD_REQUIRED,
               "How long the last run took."),
    FIELD_INT(struct entry_out, last_did, 0, 1e15, FIELD_REQUIRED,
              "How much the last run changed: sessions, rows."),
    FIELD_STR(struct entry_out, last_error, 0, 256, FIELD_NULLABLE,
              "Why the last run failed; null: it did not."),
    FIELD_TIME(struct entry_out, next_run, FIELD_REQUIRED, "When it is due."),
    FIELD_BOOL(struct entry_out, running, FIELD_REQUIRED, "A process is at it now."),
    FIELD_INT(struct entry_out, runs, 0, 1e15, FIELD_REQUIRED, "So far."),
    FIELD_INT(struct entry_out, failures, 0, 1e15, FIELD_REQUIRED,
              "How many runs failed since the last good one."),
};
const struct schema schedule_entry_schema = SCHEMA("ScheduledJob", struct entry_out, entry_fields);

static const struct field schedule_fields[] = {
    FIELD_LIST(struct schedule_out, items, n, &schedule_entry_schema, ENTRIES_MAX, FIELD_REQUIRED,
               "By name."),
};
const struct schema schedule_schema = SCHEMA("Schedule", struct schedule_out, schedule_fields);

struct schedule_ctx {
    struct call *c;
    struct schedule_entry *list;
    int n;
    char job[65];
};

static enum err list_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct schedule_ctx *t = ctx;
    return schedule_list(cx, t->c->a, &t->list, &t->n, e);
}

static void to_out(const struct schedule_entry *s, struct entry_out *o)
{
    *o = (struct entry_out){.job = s->job,
                            .last_error = s->last_error.n ? s->last_error : (struct str){0},
                            .period_s = (double)s->period / USEC_PER_SEC,
                            .last_duration_ms = (double)s->last_duration / USEC_PER_MSEC,
                            .last_run = s->last_run,
                            .next_run = s->next_run,
                            .last_did = s->last_did,
                            .runs = s->runs,
                            .failures = s->failures,
                            .running = s->holder.n && s->lease_until > time_utc()};
}

enum err schedule_index(struct call *c, struct error *e)
{
    struct schedule_ctx t = {.c = c};
    void *memory;
    enum err r = db_read(c->api->env.db, list_fn, &t, e);
    if (r == ERR_OK)
        r = call_alloc(c, sizeof(struct schedule_out), &memory, e);
    if (r)
        return r;
    struct schedule_out *o = memory;
    o->n = t.n < ENTRIES_MAX ? t.n : ENTRIES_MAX;
    o->items = arena_array(c->a, (size_t)o->n, sizeof *o->items);
    for (int i = 0; o->items && i < o->n; i++)
        to_out(&t.list[i], &o->items[i]);
    c->out = o;
    return o->items ? ERR_OK : error_set(e, ERR_NOMEM, "no memory for the answer");
}

static enum err now_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct schedule_ctx *t = ctx;
    return schedule_now(cx, t->job, time_utc(), e);
}

enum err schedule_run_now(struct call *c, struct error *e)
{
    struct schedule_ctx t = {.c = c};
    struct str name = c->params[0];
    if (name.n < sizeof t.job)
        memcpy(t.job, name.p, name.n); /* a longer one is nobody's: the empty name neither */
    enum err r = db_tx(c->api->env.db, now_fn, &t, e);
    if (r)
        return r;
    struct error lost = {0};
    int64_t id;
    if (bus_publish(c->api->env.bus, STR(EVENT_TOPIC_SCHEDULE), STR(""), &id, &lost))
        log_failure(LOG_DEBUG, "api", "schedule_not_told", &lost); /* it looks by itself */
    return ERR_OK;
}

enum err schedule_warnings(struct call *c, struct str *texts, int max, int *ret_n, struct error *e)
{
    struct schedule_ctx t = {.c = c};
    int n = 0;
    enum err r = db_read(c->api->env.db, list_fn, &t, e);
    for (int i = 0; !r && i < t.n && n < max; i++) {
        const struct schedule_entry *s = &t.list[i];
        if (!s->last_error.n)
            continue;
        char *text = arena_printf(c->a, "the periodic job %.*s fails: %.*s", STR_ARGS(s->job),
                                  STR_ARGS(s->last_error));
        if (!text)
            return error_set(e, ERR_NOMEM, "no memory for the answer");
        texts[n++] = str_from(text);
    }
    if (!r)
        *ret_n = n;
    return r;
}
