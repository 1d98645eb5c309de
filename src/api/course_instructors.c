/* Who teaches a course: see the route table. Handler threads; one or two queries a call. */
#include "api/handlers.h"

#include "store/access.h"
#include "store/course.h"

static const struct field instructor_fields[] = {
    FIELD_ID(struct instructor, id, FIELD_REQUIRED, "The user's id."),
    FIELD_STR(struct instructor, login, 1, 64, FIELD_REQUIRED, "What is typed to sign in."),
    FIELD_STR(struct instructor, name, 0, 200, FIELD_REQUIRED, "For people."),
    FIELD_TIME(struct instructor, created_at, FIELD_REQUIRED, "Since when."),
};
static const struct schema instructor_schema =
    SCHEMA("Instructor", struct instructor, instructor_fields);
LIST_SCHEMA(instructor_list, "InstructorList", instructor_schema)

struct instructor_ctx {
    struct call *c;
    struct course_id course;
    char user[ID_TEXT];
    struct instructor *list;
    int n;
};

static enum err list_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct instructor_ctx *t = ctx;
    struct course course;
    enum err r = course_get(cx, t->c->a, t->course, &course, e);
    return r ? r : instructor_list(cx, t->c->a, t->course, &t->list, &t->n, e);
}

enum err instructor_index(struct call *c, struct error *e)
{
    struct instructor_ctx t = {.c = c};
    enum err r = call_id(c, 0, t.course.text, e);
    if (r == ERR_OK)
        r = db_read(c->api->env.db, list_fn, &t, e);
    return r ? r
             : call_list(c, t.list, t.n, t.n, sizeof *t.list, offsetof(struct instructor, id), e);
}

/* Whoever reaches courses at all may teach one. */
static enum err add_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct instructor_ctx *t = ctx;
    struct user user;
    enum role role = ROLE_STUDENT;
    enum err r = user_get(cx, t->c->a, t->user, &user, e);
    if (r == ERR_OK)
        r = role_parse(user.role, &role, e);
    if (r == ERR_OK && !role_may(role, PERM_SESSION_WRITE))
        return error_set(e, ERR_CONFLICT,
                         "a user with the role %s cannot teach: make it an instructor first",
                         role_name(role));
    return r ? r : instructor_add(cx, t->course, t->user, e);
}

static enum err remove_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct instructor_ctx *t = ctx;
    return instructor_remove(cx, t->course, t->user, e);
}

static enum err change(struct call *c, db_fn fn, struct error *e)
{
    struct instructor_ctx t = {.c = c};
    enum err r = call_id(c, 0, t.course.text, e);
    if (r == ERR_OK)
        r = call_id(c, 1, t.user, e);
    return r ? r : db_tx(c->api->env.db, fn, &t, e);
}

enum err instructor_put(struct call *c, struct error *e) { return change(c, add_fn, e); }

enum err instructor_delete(struct call *c, struct error *e) { return change(c, remove_fn, e); }
