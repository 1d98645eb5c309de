/* Following the register's chains: see register_check.h. Any thread; no state beyond a call.
 *
 * Events come chain by chain. While a chain is read, the newest payload of each student is kept;
 * at its end the head and the marks of the session are compared. Findings of one chain beyond
 * CHAIN_FINDINGS_MAX are counted, not told: a table that was overwritten needs one sentence. */
#include "store/register_check.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "store/rows.h"

enum { CHAIN_ARENA = 256 * MIB, NAMES_ARENA = 512 * MIB, CHAIN_FINDINGS_MAX = 3, TEXT_MAX = 320 };

/* The last word of the register about a student in the chain at hand. */
struct word {
    struct str payload;
    bool marked; /* the mark is there */
};

struct check {
    struct db_cx *cx;
    const struct register_hasher *hasher;
    const struct register_heads *heads;
    int n_heads;
    register_finding_fn fn;
    void *ctx;
    struct register_report report;
    struct arena *names;   /* of all chains */
    struct hashmap chains; /* those with events; the value is the name itself */
    /* the chain at hand */
    struct arena *a;
    struct str chain; /* p NULL: none yet */
    int64_t seq, told;
    uint8_t hash[CHAIN_HASH_BYTES];
    uint8_t at_head[REGISTER_HEADS_MAX][CHAIN_HASH_BYTES]; /* hashes of the events they name */
    struct hashmap words;                                  /* student -> struct word, in a */
};

static void find(struct check *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void find(struct check *c, const char *fmt, ...)
{
    char text[TEXT_MAX];
    va_list ap;
    c->report.findings++;
    if (c->told++ >= CHAIN_FINDINGS_MAX)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    c->fn(c->ctx, text);
}

/* "session 0199..." or "the chain admin" */
static const char *name_of(struct str chain, char text[static 96])
{
    char id[ID_TEXT];
    bool session = id_parse(chain, id, NULL) == ERR_OK;
    snprintf(text, 96, "%s %.*s", session ? "session" : "the chain",
             (int)(chain.n < 64 ? chain.n : 64), chain.p);
    return text;
}

/* ---- one chain */

static enum err chain_begin(struct check *c, struct str chain, struct error *e)
{
    struct str name = arena_copy(c->names, chain);
    if (!name.p)
        return error_set(e, ERR_NOMEM, "no memory to check the register");
    arena_reset(c->a);
    hashmap_done(&c->words);
    hashmap_init(&c->words);
    c->chain = name;
    c->seq = c->told = 0;
    memset(c->hash, 0, sizeof c->hash);
    memset(c->at_head, 0, sizeof c->at_head);
    c->report.chains++;
    return hashmap_put(&c->chains, name, (void *)(uintptr_t)name.p, e);
}

static enum err word_keep(struct check *c, const struct register_event *event, struct error *e)
{
    struct word *w = hashmap_get(&c->words, event->student);
    if (!w) {
        struct str student = arena_copy(c->a, event->student);
        w = arena_alloc(c->a, sizeof *w);
        if (!w || !student.p)
            return error_set(e, ERR_NOMEM, "no memory to check the register");
        enum err r = hashmap_put(&c->words, student, w, e);
        if (r)
            return r;
    }
    w->payload = arena_copy(c->a, event->payload);
    return w->payload.p ? ERR_OK : error_set(e, ERR_NOMEM, "no memory to check the register");
}

static void event_follow(struct check *c, const struct register_event *event)
{
    char name[96];
    uint8_t right[CHAIN_HASH_BYTES];
    c->hasher->fn(c->hasher->ctx, event, right);
    if (event->seq > c->seq + 1)
        find(c, "%s: event %lld was removed (the next one is %lld)", name_of(c->chain, name),
             (long long)c->seq + 1, (long long)event->seq);
    else if (event->seq <= c->seq)
        find(c, "%s: there are two events %lld", name_of(c->chain, name), (long long)event->seq);
    if (memcmp(right, event->hash, sizeof right) != 0)
        find(c, "%s: event %lld was altered, put in or moved", name_of(c->chain, name),
             (long long)event->seq);
    else if (event->seq == c->seq + 1 && memcmp(event->prev_hash, c->hash, sizeof c->hash) != 0)
        find(c, "%s: event %lld does not follow the one before it", name_of(c->chain, name),
             (long long)event->seq);
}

static enum err on_event(void *ctx, const struct register_event *event, struct error *e)
{
    struct check *c = ctx;
    enum err r = ERR_OK;
    event_follow(c, event);
    for (int i = 0; i < c->n_heads; i++) {
        const struct head *head = hashmap_get(&c->heads[i].seen->heads, c->chain);
        if (head && head->seq == event->seq)
            memcpy(c->at_head[i], event->hash, CHAIN_HASH_BYTES);
    }
    c->seq = event->seq;
    memcpy(c->hash, event->hash, sizeof c->hash);
    c->report.events++;
    if (event->student.n)
        r = word_keep(c, event, e);
    return r;
}

/* Does the chain hold what heads i say of it? Not asked when an earlier one was not held: one
 * finding is enough. */
static bool head_compare(struct check *c, int i, bool ask)
{
    char name[96];
    struct head *head = hashmap_get(&c->heads[i].seen->heads, c->chain);
    if (!head)
        return true; /* a crash came between the commit and the heads file; signed before it began
                      */
    head->seen = true;
    if (!ask)
        return true;
    if (c->seq < head->seq)
        find(c, "%s: the newest events were removed: %lld to %lld", name_of(c->chain, name),
             (long long)c->seq + 1, (long long)head->seq);
    else if (memcmp(c->at_head[i], head->hash, sizeof head->hash) != 0)
        find(c, "%s: event %lld is not the one of %s", name_of(c->chain, name),
             (long long)head->seq, c->heads[i].name);
    else
        return true;
    return false;
}

static enum err mark_compare(struct check *c, const struct mark *m, struct error *e)
{
    char name[96];
    bool same = true;
    struct word *w = hashmap_get(&c->words, str_from(m->student.text));
    c->report.marks++;
    if (!w) {
        find(c, "%s: the mark of student %s was never registered", name_of(c->chain, name),
             m->student.text);
        return ERR_OK;
    }
    w->marked = true;
    enum err r = mark_matches(c->a, m, w->payload, &same, e);
    if (!same)
        find(c, "%s: the mark of student %s differs from the register", name_of(c->chain, name),
             m->student.text);
    return r;
}

/* Marks and events of a session tell the same. */
static enum err marks_compare(struct check *c, struct error *e)
{
    struct session_id session;
    struct mark *marks;
    int n;
    size_t at = 0;
    char name[96];
    if (id_parse(c->chain, session.text, NULL))
        return ERR_OK;
    enum err r = mark_list(c->cx, c->a, session, &marks, &n, e);
    for (int i = 0; !r && i < n; i++)
        r = mark_compare(c, &marks[i], e);
    for (const struct word *w; !r && (w = hashmap_next(&c->words, &at));)
        if (!w->marked)
            find(c, "%s: a mark was removed, or its student: the register still has it",
                 name_of(c->chain, name));
    return r;
}

static enum err chain_end(struct check *c, struct error *e)
{
    if (!c->chain.p)
        return ERR_OK;
    bool good = true;
    for (int i = 0; i < c->n_heads; i++)
        good = head_compare(c, i, good) && good;
    return marks_compare(c, e);
}

static enum err each_event(void *ctx, const struct register_event *event, struct error *e)
{
    struct check *c = ctx;
    enum err r = ERR_OK;
    if (!c->chain.p || !str_eq(c->chain, event->chain)) {
        r = chain_end(c, e);
        if (!r)
            r = chain_begin(c, event->chain, e);
    }
    return r ? r : on_event(c, event, e);
}

/* ---- what has no chain */

static void missing_chains(struct check *c, int i)
{
    size_t at = 0;
    char name[96];
    for (struct head *head; (head = hashmap_next(&c->heads[i].seen->heads, &at));) {
        struct str chain = str_from(head->chain);
        c->told = 0;
        if (head->seen)
            continue;
        find(c, "%s: all of its %lld events were removed (%s names them)", name_of(chain, name),
             (long long)head->seq, c->heads[i].name);
        for (int k = i + 1; k < c->n_heads; k++) {
            struct head *again = hashmap_get(&c->heads[k].seen->heads, chain);
            if (again)
                again->seen = true;
        }
    }
}

static enum err marks_without_chain(struct check *c, struct error *e)
{
    _cleanup_(db_rows_done) struct db_rows *rows = NULL;
    char name[96];
    enum err r = db_query(c->cx, Q_MARK_SESSIONS, NULL, 0, &rows, e);
    for (;;) {
        bool has = false;
        if (!r)
            r = db_next(rows, &has, e);
        if (r || !has)
            return r;
        struct str session = db_col_str(rows, "session_id");
        c->told = 0;
        if (!hashmap_get(&c->chains, session))
            find(c, "%s: it has marks and no register", name_of(session, name));
    }
}

enum err register_check(struct db_cx *cx, const struct register_hasher *hasher,
                        const struct register_heads *heads, int n, register_finding_fn fn,
                        void *ctx, struct register_report *ret_report, struct error *e)
{
    struct check c = {
        .cx = cx, .hasher = hasher, .heads = heads, .n_heads = n, .fn = fn, .ctx = ctx};
    assert(n >= 0 && n <= REGISTER_HEADS_MAX);
    c.a = arena_new(CHAIN_ARENA);
    c.names = arena_new(NAMES_ARENA);
    hashmap_init(&c.chains);
    hashmap_init(&c.words);
    enum err r = c.a && c.names ? ERR_OK : error_set(e, ERR_NOMEM, "no memory to check");
    for (int i = 0; !r && i < n; i++)
        if (heads[i].seen->bad_line)
            find(&c, "%s was altered: line %lld", heads[i].name,
                 (long long)heads[i].seen->bad_line);
    if (!r)
        r = register_each(cx, each_event, &c, e);
    if (!r)
        r = chain_end(&c, e);
    if (!r)
        r = marks_without_chain(&c, e);
    if (!r)
        for (int i = 0; i < n; i++)
            missing_chains(&c, i);
    hashmap_done(&c.words);
    hashmap_done(&c.chains);
    arena_free(c.a);
    arena_free(c.names);
    if (!r)
        *ret_report = c.report;
    return r;
}
