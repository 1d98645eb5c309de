/* Schema migrations: see migrate.h. Called at start and by `rollcall migrate`; any thread.
 *
 * Every migration runs in a transaction of its own that first reads, under a lock, what the
 * database has: so two programs that start at once apply each migration once, and one that fails
 * leaves no trace. What was applied is compared by checksum each time, so an edited migration is
 * found before it can matter. Cost when nothing is to do: one small read in one transaction. */
#include "store/migrate.h"

#include "store/driver.h"
#include "store/rows.h"

static const struct migration_script *script_of(const struct db_driver *driver,
                                                const struct migration_text *text)
{
    return strcmp(driver->name, "sqlite") == 0 ? &text->sqlite : &text->postgres;
}

/* Compares the applied migration in the row with ours; *version_n is how many were seen before. */
static enum err applied_check(struct db_cx *cx, struct db_rows *rows,
                              const struct migration_text *texts, int n, int *version_n,
                              struct error *e)
{
    int64_t version = db_col_int(rows, "version");
    struct str name = db_col_str(rows, "name"), checksum = db_col_str(rows, "checksum");
    if (version > n)
        return error_set(e, ERR_CONFLICT,
                         "the database has migration %lld (%.*s), which this program does not "
                         "know: use the newer program",
                         (long long)version, STR_ARGS(name));
    if (version != *version_n + 1)
        return error_set(e, ERR_CONFLICT, "migration %d is missing in the database",
                         *version_n + 1);
    const struct migration_text *text = &texts[version - 1];
    if (!str_is(checksum, script_of(cx->driver, text)->sha256))
        return error_set(e, ERR_CONFLICT,
                         "migration %lld (%.*s) was altered after it was applied: use the program "
                         "that applied it, or restore a backup",
                         (long long)version, STR_ARGS(name));
    *version_n = (int)version;
    return ERR_OK;
}

/* How many of the migrations are applied, after checking them; their times into applied_at[n]
 * when not NULL. */
static enum err applied_count(struct db_cx *cx, const struct migration_text *texts, int n,
                              usec_t *applied_at, int *ret_count, struct error *e)
{
    _cleanup_(db_rows_done) struct db_rows *rows = NULL;
    int count = 0;
    enum err r = db_query(cx, Q_MIGRATION_LIST, NULL, 0, &rows, e);
    for (;;) {
        bool has = false;
        if (!r)
            r = db_next(rows, &has, e);
        if (!r && !has)
            break;
        if (!r)
            r = applied_check(cx, rows, texts, n, &count, e);
        if (r)
            return r;
        if (applied_at)
            applied_at[count - 1] = db_col_int(rows, "applied_at");
    }
    *ret_count = count;
    return ERR_OK;
}

struct apply {
    const struct migration_text *texts;
    int n;
    bool done; /* nothing was left to do */
};

static enum err script_run(struct db_cx *cx, const struct migration_text *text, struct error *e)
{
    const struct migration_script *script = script_of(cx->driver, text);
    enum err r = db_exec(cx, Q_MIGRATION_NO_LIMIT, NULL, 0, NULL, e);
    if (!r)
        r = cx->driver->script(cx, script->sql, e);
    if (r)
        return error_wrap(e, r, "migration %d (%s)", text->version, text->name);
    const struct db_value args[] = {db_int(text->version), db_text(text->name),
                                    db_text(script->sha256), db_int(time_utc())};
    return db_exec(cx, Q_MIGRATION_INSERT, args, ARRAY_LEN(args), NULL, e);
}

static enum err apply_next(struct db_cx *cx, void *ctx, struct error *e)
{
    struct apply *apply = ctx;
    int count = 0;
    enum err r = db_exec(cx, Q_MIGRATION_LOCK, NULL, 0, NULL, e);
    if (!r)
        r = db_exec(cx, Q_MIGRATION_TABLE, NULL, 0, NULL, e);
    if (!r)
        r = applied_count(cx, apply->texts, apply->n, NULL, &count, e);
    if (r)
        return r;
    apply->done = count == apply->n;
    return apply->done ? ERR_OK : script_run(cx, &apply->texts[count], e);
}

enum err migrate_apply(struct db *db, const struct migration_text *texts, int n, int *ret_applied,
                       struct error *e)
{
    struct apply apply = {.texts = texts, .n = n};
    int applied = 0;
    for (;;) {
        enum err r = db_tx(db, apply_next, &apply, e);
        if (r)
            return r;
        if (apply.done)
            break;
        applied++;
    }
    if (ret_applied)
        *ret_applied = applied;
    return ERR_OK;
}

enum err migrate_up(struct db *db, int *ret_applied, struct error *e)
{
    return migrate_apply(db, migration_texts, migration_text_n, ret_applied, e);
}

struct status {
    struct arena *a;
    struct migration_state *rows;
};

static enum err status_read(struct db_cx *cx, void *ctx, struct error *e)
{
    struct status *status = ctx;
    size_t n = (size_t)migration_text_n;
    usec_t *applied_at = arena_array(status->a, n, sizeof *applied_at);
    status->rows = arena_array(status->a, n, sizeof *status->rows);
    if (!applied_at || !status->rows)
        return error_set(e, ERR_NOMEM, "no memory for the list of migrations");
    int64_t has_table = 0;
    int count = 0;
    enum err r = rows_int(cx, Q_MIGRATION_TABLE_EXISTS, NULL, 0, "n", &has_table, NULL, e);
    if (!r && has_table)
        r = applied_count(cx, migration_texts, migration_text_n, applied_at, &count, e);
    for (int i = 0; i < migration_text_n; i++)
        status->rows[i] = (struct migration_state){.version = migration_texts[i].version,
                                                   .name = migration_texts[i].name,
                                                   .applied = i < count,
                                                   .applied_at = applied_at[i]};
    return r;
}

enum err migrate_status(struct db *db, struct arena *a, struct migration_state **ret_rows,
                        int *ret_n, struct error *e)
{
    struct status status = {.a = a};
    enum err r = db_read(db, status_read, &status, e);
    if (r)
        return r;
    *ret_rows = status.rows;
    *ret_n = migration_text_n;
    return ERR_OK;
}
