/* The outbox: events that were committed together with what they tell of, published at least once.
 *
 * Whoever commits a row says so on EVENT_TOPIC_OUTBOX; housekeeping, woken by it or by its clock,
 * publishes. One publisher a process, so events keep their order; a row goes away only after the
 * bus took its event. One query a sweep, one small transaction an event. */
#include "jobs/internal.h"

#include "base/log.h"

enum { SWEEP_MAX = 200 };

struct sweep {
    struct arena *a;
    struct outbox_row *rows;
    int n;
    const char *id;
};

static enum err list_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct sweep *s = ctx;
    return outbox_list(cx, s->a, time_utc() + 1, SWEEP_MAX, &s->rows, &s->n, e);
}

static enum err delete_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct sweep *s = ctx;
    return outbox_delete(cx, s->id, e);
}

/* Failure leaves the row for the next sweep. */
static void deliver(const struct jobs_env *env, const struct outbox_row *row)
{
    struct error e = {0};
    struct sweep s = {.id = row->id};
    int64_t id;
    if (bus_publish(env->bus, row->topic, row->payload, &id, &e) ||
        db_tx(env->db, delete_fn, &s, &e))
        log_failure(LOG_WARN, "jobs", "outbox_delayed", &e);
}

void outbox_sweep(const struct jobs_env *env, struct arena *a)
{
    struct error e = {0};
    struct sweep s = {.a = a};
    if (db_read(env->db, list_fn, &s, &e)) {
        log_failure(LOG_WARN, "jobs", "outbox_unread", &e);
        return;
    }
    for (int i = 0; i < s.n; i++)
        deliver(env, &s.rows[i]);
}
