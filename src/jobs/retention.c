/* What is not kept for ever: answers to repeated requests, the audit trail,
 * enrolment photos that were kept with consent.
 * See schedule.h. The scheduler's thread; each is safe to repeat. */
#include "jobs/schedule.h"
#include "store/audit.h"
#include "store/idempotency.h"
#include "store/kept_photo.h"

enum { PHOTOS_MAX = 200 };

struct purge {
    const struct schedule_run *run;
    int64_t removed;
};

static enum err answers_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct purge *p = ctx;
    return idempotency_purge(cx, p->run->now - IDEMPOTENCY_KEPT, &p->removed, e);
}

enum err schedule_answers(struct schedule_run *run, struct error *e)
{
    struct purge p = {.run = run};
    enum err r = db_tx(run->env->db, answers_fn, &p, e);
    run->did = p.removed;
    return r;
}

static enum err photos_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct purge *p = ctx;
    return kept_photo_purge(cx, p->run->now, PHOTOS_MAX, &p->removed, e);
}

enum err schedule_photos(struct schedule_run *run, struct error *e)
{
    struct purge p = {.run = run};
    enum err r = db_tx(run->env->db, photos_fn, &p, e);
    run->did = p.removed;
    run->more = p.removed == PHOTOS_MAX;
    return r;
}

static enum err audit_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct purge *p = ctx;
    return audit_purge(cx, p->run->now - p->run->env->audit_keep, &p->removed, e);
}

enum err schedule_audit(struct schedule_run *run, struct error *e)
{
    struct purge p = {.run = run};
    enum err r = run->env->audit_keep ? db_tx(run->env->db, audit_fn, &p, e) : ERR_OK;
    run->did = p.removed;
    return r;
}
