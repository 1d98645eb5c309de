/* Contested marks, the most doubtful first. Handler threads; a query for the page and two for each
 * mark of it. The cursor is the place in that order, so that what is decided meanwhile moves
 * nothing. */
#include "api/handlers.h"

#include "attendance/policy.h"

#include <math.h>

enum { CURSOR_TEXT = 160 };

struct dispute_out {
    char session[ID_TEXT];
    double margin;
    struct mark_out mark;
};

static const struct field dispute_fields[] = {
    FIELD_ID(struct dispute_out, session, FIELD_REQUIRED, "The session."),
    FIELD_REAL(struct dispute_out, margin, -2, 2, FIELD_NULLABLE,
               "Similarity above the threshold; null: nothing was measured."),
    FIELD_OBJECT(struct dispute_out, mark, &mark_schema, FIELD_REQUIRED, "What is contested."),
};
const struct schema dispute_schema = SCHEMA("Dispute", struct dispute_out, dispute_fields);

struct disputes_out {
    struct dispute_out *items;
    int n;
    struct str next;
};

static const struct field disputes_fields[] = {
    FIELD_LIST(struct disputes_out, items, n, &dispute_schema, 200, FIELD_REQUIRED,
               "The most doubtful first, those without evidence last."),
    FIELD_STR(struct disputes_out, next, 0, CURSOR_TEXT, FIELD_NULLABLE,
              "Pass as `after` for the next page; null: the end."),
};
const struct schema dispute_list_schema =
    SCHEMA("DisputeList", struct disputes_out, disputes_fields);

struct disputes_ctx {
    struct call *c;
    struct course_id course;
    struct session_id session;
    struct dispute_place after;
    int limit, n;
    struct mark_disputed *marks;
    struct presence *known; /* of each mark */
};

static enum err disputes_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct disputes_ctx *t = ctx;
    enum err r = mark_disputed_list(cx, t->c->a, &t->c->who.scope, t->course, t->session, &t->after,
                                    t->limit + 1, &t->marks, &t->n, e);
    t->known = r ? NULL : arena_array(t->c->a, (size_t)t->n, sizeof *t->known);
    if (!t->known)
        return r ? r : error_set(e, ERR_NOMEM, "no memory for %d disputes", t->n);
    for (int i = 0; r == ERR_OK && i < t->n; i++)
        r = mark_known(cx, t->c->a, &t->marks[i].mark, &t->known[i], e);
    return r;
}

/* A filter that is an id; empty when absent. */
static enum err read_id(struct call *c, const char *name, char ret_id[static ID_TEXT],
                        struct error *e)
{
    struct str value;
    enum err r = call_query(c, name, &value, e);
    return r || !value.p ? r : id_parse(value, ret_id, e);
}

/* doubt~disputed_at~student~session, as next gave it. */
static enum err read_after(struct call *c, struct dispute_place *ret_place, struct error *e)
{
    struct str text, part[4] = {0};
    int n = 0;
    enum err r = call_query(c, "after", &text, e);
    ret_place->doubt = INT64_MIN;
    if (r || !text.p)
        return r;
    while (n < 4 && str_split(&text, '~', &part[n]))
        n++;
    if (str_to_i64(part[0], &ret_place->doubt, NULL) ||
        str_to_i64(part[1], &ret_place->disputed_at, NULL) ||
        id_parse(part[2], ret_place->student.text, NULL) ||
        id_parse(part[3], ret_place->session.text, NULL))
        return error_set(e, ERR_INVALID, "after must be `next` of the page before");
    return ERR_OK;
}

static enum err fill(struct disputes_ctx *t, struct disputes_out *out, struct error *e)
{
    int shown = t->n > t->limit ? t->limit : t->n;
    out->items = arena_array(t->c->a, (size_t)shown, sizeof *out->items);
    if (!out->items)
        return error_set(e, ERR_NOMEM, "no memory for %d disputes", t->n);
    for (out->n = 0; out->n < shown; out->n++) {
        const struct mark_disputed *from = &t->marks[out->n];
        struct dispute_out *d = &out->items[out->n];
        memcpy(d->session, from->mark.session.text, ID_TEXT);
        d->margin =
            from->doubt == DOUBT_NO_EVIDENCE ? (double)NAN : (double)from->doubt / DOUBT_UNIT;
        mark_output(&from->mark, &t->known[out->n], &d->mark);
    }
    if (t->n <= t->limit)
        return ERR_OK;
    const struct mark_disputed *last = &t->marks[shown - 1];
    out->next = str_from(arena_printf(t->c->a, "%lld~%lld~%s~%s", (long long)last->doubt,
                                      (long long)last->mark.disputed_at, last->mark.student.text,
                                      last->mark.session.text));
    return out->next.p ? ERR_OK : error_set(e, ERR_NOMEM, "no memory for a cursor");
}

enum err dispute_index(struct call *c, struct error *e)
{
    struct disputes_ctx t = {.c = c};
    void *memory;
    enum err r = call_limit(c, &t.limit, e);
    if (r == ERR_OK)
        r = read_after(c, &t.after, e);
    if (r == ERR_OK)
        r = read_id(c, "course", t.course.text, e);
    if (r == ERR_OK)
        r = read_id(c, "session", t.session.text, e);
    if (r == ERR_OK)
        r = call_read(c, disputes_fn, &t, e);
    if (r == ERR_OK)
        r = call_alloc(c, sizeof(struct disputes_out), &memory, e);
    if (r == ERR_OK)
        c->out = memory;
    return r ? r : fill(&t, memory, e);
}
