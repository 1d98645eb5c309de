/* How a plan is made and written. See plan.h and import.h.
 *
 * Planning is a read on a snapshot and holds nobody up; writing is one transaction that contains
 * only what changes, so other writers (marks) wait for as few statements as can be. */
#include "exchange/plan.h"

#include "base/day.h"
#include "base/tz.h"

enum { TRIES = 3, GUARD_FROM = 5, GUARD_SHARE = 5 };

static enum err make(struct db_cx *cx, void *ctx, struct error *e)
{
    struct plan *p = ctx;
    report_init(&p->result->report, p->o->a);
    enum err r = p->make(cx, p, e);
    return r ? r : report_check(&p->result->report, e);
}

static enum err write_once(struct plan *p, struct error *e)
{
    usec_t begin = time_mono();
    enum err r = db_tx(p->o->db, p->write, p, e);
    p->result->write_time = time_mono() - begin;
    return r;
}

enum err plan_run(struct plan *p, struct error *e)
{
    const struct import_report *report = &p->result->report;
    struct error why = {0};
    for (int i = 0; i < TRIES; i++) {
        enum err r = db_read(p->o->db, make, p, e);
        if (r || p->o->dry_run || report->counts[IMPORT_ERROR])
            return r;
        r = write_once(p, &why);
        if (r == ERR_OK) {
            p->result->applied = true;
            return ERR_OK;
        }
        if (r != ERR_CONFLICT && r != ERR_PRECONDITION && r != ERR_NOT_FOUND)
            return error_set(e, r, "%s", why.msg);
    }
    return error_set(e, ERR_CONFLICT,
                     "somebody else keeps changing the same rows, nothing was written: %.150s",
                     why.msg);
}

enum err plan_guard(const struct plan *p, int64_t gone, int64_t all, const char *what,
                    struct error *e)
{
    if (p->o->force || gone <= GUARD_FROM || gone <= all / GUARD_SHARE)
        return ERR_OK;
    return error_set(e, ERR_CONFLICT,
                     "%lld of %lld %s are not in the file, more than a fifth: is it whole? "
                     "force=1 takes them off all the same",
                     (long long)gone, (long long)all, what);
}

enum err plan_time(const struct plan *p, struct str cell, bool end, usec_t *ret_utc,
                   struct error *e)
{
    int64_t day;
    *ret_utc = 0;
    if (cell.n == 0)
        return ERR_OK;
    if (memchr(cell.p, 'T', cell.n))
        return time_parse_iso(cell, ret_utc, e);
    enum err r = day_parse(cell, &day, e);
    usec_t local = r ? 0 : (day + end) * USEC_PER_DAY;
    if (!r && p->o->tz.n)
        return tz_to_utc(p->o->tz, local, ret_utc, e);
    *ret_utc = local;
    return r;
}

struct str plan_copy(const struct plan *p, struct str s)
{
    struct str copy = arena_copy(p->o->a, s);
    if (!copy.p)
        p->result->report.failed = true;
    return copy;
}

bool plan_width(const struct plan *p, const struct csv_table *table, const struct csv_row *row,
                struct import_line *line)
{
    if (row->n <= table->header.n)
        return true;
    report_say(&p->result->report, line, IMPORT_ERROR,
               "%d fields under %d columns: quote the comma?", row->n, table->header.n);
    return false;
}

struct str plan_key(const struct plan *p, struct str first, struct str second)
{
    char *text = arena_printf(p->o->a, "%.*s%s%.*s", STR_ARGS(first), second.n ? " " : "",
                              (int)second.n, second.n ? second.p : "");
    p->result->report.failed = p->result->report.failed || !text;
    return str_from(text);
}
