/* The outbox: events that were committed together with what they tell of, published at least once.
 *
 * A worker publishes right after its commit; housekeeping publishes what a crash left behind. The
 * row goes away only after the bus took the event. Any worker thread; one query and one small
 * transaction per event. */
#include "jobs/internal.h"

#include "base/log.h"

enum { SWEEP_MAX = 200 };

struct sweep {
    struct arena *a;
    struct outbox_row *rows;
    int n;
    usec_t before;
    const char *id;
};

static enum err list_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct sweep *s = ctx;
    return outbox_list(cx, s->a, s->before, SWEEP_MAX, &s->rows, &s->n, e);
}

static enum err delete_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct sweep *s = ctx;
    return outbox_delete(cx, s->id, e);
}

void outbox_deliver(const struct jobs_env *env, struct arena *a, const struct outbox_row *row)
{
    struct error e = {0};
    struct sweep s = {.a = a, .id = row->id};
    int64_t id;
    if (bus_publish(env->bus, row->topic, row->payload, &id, &e) ||
        db_tx(env->db, delete_fn, &s, &e))
        log_failure(LOG_WARN, "jobs", "outbox_delayed", &e);
}

void outbox_sweep(const struct jobs_env *env, struct arena *a, usec_t age)
{
    struct error e = {0};
    struct sweep s = {.a = a, .before = time_utc() - age};
    if (db_read(env->db, list_fn, &s, &e)) {
        log_failure(LOG_WARN, "jobs", "outbox_unread", &e);
        return;
    }
    for (int i = 0; i < s.n; i++)
        outbox_deliver(env, a, &s.rows[i]);
}
