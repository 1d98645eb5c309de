/* Whose a row is: see access.h. SQL in sql/access.sql; one indexed query a call. Inside db_tx or
 * db_read, any thread. Invariant: a row outside the scope looks like one that does not exist. */
#include "store/access.h"

#include "store/rows.h"

static const enum query queries[ACCESS_TO_N] = {
    [ACCESS_COURSE] = Q_ACCESS_COURSE,
    [ACCESS_SESSION] = Q_ACCESS_SESSION,
    [ACCESS_STUDENT] = Q_ACCESS_STUDENT,
};

enum err access_check(struct db_cx *cx, const struct scope *scope, enum access_to what,
                      const char *id, bool *ret_theirs, struct error *e)
{
    const struct db_value args[] = {db_text(id), db_text(scope ? scope->instructor : ""),
                                    db_text(scope ? scope->student : ""), db_int(time_utc())};
    int64_t n = 0;
    int used = (int)ARRAY_LEN(args) - (what != ACCESS_STUDENT); /* only that one asks for now */
    enum err r = rows_int(cx, queries[what], args, used, "n", &n, NULL, e);
    if (!r)
        *ret_theirs = n > 0;
    return r;
}

static void instructor_read(struct row *row, void *ret_item)
{
    struct instructor *i = ret_item;
    db_col_copy(row->rows, "id", i->id, sizeof i->id);
    i->login = row_str(row, "login");
    i->name = row_str(row, "name");
    i->created_at = db_col_int(row->rows, "created_at");
}

enum err instructor_list(struct db_cx *cx, struct arena *a, struct course_id course,
                         struct instructor **ret_list, int *ret_n, struct error *e)
{
    const struct db_value args[] = {db_text(course.text)};
    return rows_all(cx, Q_INSTRUCTOR_LIST, args, ARRAY_LEN(args), a, instructor_read,
                    sizeof(struct instructor), ret_list, ret_n, e);
}

enum err instructor_add(struct db_cx *cx, struct course_id course, const char *user,
                        struct error *e)
{
    const struct db_value args[] = {db_text(course.text), db_text(user), db_int(time_utc())};
    enum err r = db_exec(cx, Q_INSTRUCTOR_ADD, args, ARRAY_LEN(args), NULL, e);
    return error_replace(e, r, ERR_CONFLICT, ERR_NOT_FOUND,
                         "there is no such course, or no such user");
}

enum err instructor_remove(struct db_cx *cx, struct course_id course, const char *user,
                           struct error *e)
{
    const struct db_value args[] = {db_text(course.text), db_text(user)};
    int64_t removed = 0;
    enum err r = db_exec(cx, Q_INSTRUCTOR_REMOVE, args, ARRAY_LEN(args), &removed, e);
    if (!r && !removed)
        return error_set(e, ERR_NOT_FOUND, "this user does not teach the course");
    return r;
}
