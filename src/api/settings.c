/* Settings: every option of config/options.h as this process has it, and a few that may be changed
 * while it runs (option_change_of). A change is a row of the `setting` table named option:NAME.
 * Those that count at once are read from there when they are needed; the others when the next start
 * reads them. An option that the file, the environment or a flag sets is changed there and nowhere
 * else. Handler threads. */
#include "api/handlers.h"

#include "config/option.h"
#include "store/course.h"
#include "store/job.h"

struct setting_out {
    struct str name, value, standard, origin, unit, help, change, waiting;
    int64_t version;
};

struct setting_in {
    struct str value;
};

static const char *const change_words[] = {"now", "restart", NULL};
static const struct field setting_fields[] = {
    FIELD_STR(struct setting_out, name, 1, 64, FIELD_REQUIRED, "As in the configuration."),
    FIELD_STR(struct setting_out, value, 0, 2048, FIELD_NULLABLE,
              "What counts; null: empty, or a secret."),
    {.name = "default",
     .type = FIELD_T_STR,
     .flags = FIELD_NULLABLE,
     .offset = offsetof(struct setting_out, standard),
     .max = 2048,
     .doc = "Without any configuration."},
    FIELD_STR(struct setting_out, origin, 0, 1100, FIELD_REQUIRED,
              "default, setting, FILE:LINE, ROLLCALL_NAME or --name."),
    FIELD_STR(struct setting_out, unit, 0, 200, FIELD_NULLABLE, "Unit, or the choices."),
    FIELD_STR(struct setting_out, help, 0, 1000, FIELD_REQUIRED, "What it does."),
    {.name = "change",
     .type = FIELD_T_STR,
     .flags = FIELD_NULLABLE,
     .offset = offsetof(struct setting_out, change),
     .max = 64,
     .choices = change_words,
     .doc = "now: a change counts at once; restart: at the next start; null: by configuration."},
    FIELD_STR(struct setting_out, waiting, 0, 2048, FIELD_NULLABLE,
              "The value that counts from the next start."),
    FIELD_INT(struct setting_out, version, 1, 1e17, FIELD_REQUIRED,
              "Grows with each change; the ETag."),
};
const struct schema setting_schema = SCHEMA("Setting", struct setting_out, setting_fields);

struct setting_list {
    struct setting_out *items;
    int n;
};
static const struct field setting_list_fields[] = {
    FIELD_LIST(struct setting_list, items, n, &setting_schema, OPTION_N, FIELD_REQUIRED,
               "In the order of docs/config.md."),
};
const struct schema setting_list_schema =
    SCHEMA("SettingList", struct setting_list, setting_list_fields);

static const struct field setting_in_fields[] = {
    FIELD_STR(struct setting_in, value, 0, 200, FIELD_REQUIRED | FIELD_NULLABLE,
              "As it would stand in the configuration; null: the default again."),
};
const struct schema setting_in_schema = SCHEMA("SettingIn", struct setting_in, setting_in_fields);

struct setting_ctx {
    struct call *c;
    enum option option;
    struct setting_out *out;
    int64_t if_match;
    struct str value;
};

/* Its row, if there is one; version 1 without. */
static enum err stored(struct db_cx *cx, struct call *c, enum option o, struct str *ret_value,
                       int64_t *ret_version, struct error *e)
{
    char name[SETTING_NAME];
    struct error why = {0};
    *ret_value = (struct str){0};
    *ret_version = 1;
    option_setting_name(o, name);
    enum err r = setting_get_at(cx, c->a, name, ret_value, ret_version, &why);
    if (r && r != ERR_NOT_FOUND)
        return error_set(e, r, "%s", why.msg);
    return ERR_OK;
}

/* Set by whoever runs the server: a setting has no say. */
static bool is_configured(const struct call *c, enum option o)
{
    const char *origin = config_origin(c->api->env.config, o);
    return strcmp(origin, "default") != 0 && strcmp(origin, CONFIG_ORIGIN_SETTING) != 0;
}

static enum err fill(struct db_cx *cx, struct call *c, enum option o, struct setting_out *out,
                     struct error *e)
{
    const struct config *cfg = c->api->env.config;
    const struct option_row *row = &option_rows[o];
    enum option_change change = option_change_of(o);
    struct str value = {0};
    *out = (struct setting_out){.name = str_from(row->name),
                                .value = str_from(config_shown(cfg, o)),
                                .standard = str_from(row->text),
                                .origin = str_from(config_origin(cfg, o)),
                                .unit = str_from(row->unit),
                                .help = str_from(row->help),
                                .version = 1};
    if (change == OPTION_CHANGE_NEVER)
        return ERR_OK;
    out->change = str_from(change_words[change]);
    enum err r = stored(cx, c, o, &value, &out->version, e);
    if (r || is_configured(c, o))
        return r;
    if (change == OPTION_CHANGE_NOW) {
        out->value = value.p ? value : out->standard;
        out->origin = str_from(value.p ? CONFIG_ORIGIN_SETTING : "default");
    } else if (!str_eq(value.p ? value : out->standard, out->value)) {
        out->waiting = value.p ? value : out->standard;
    }
    return ERR_OK;
}

static enum err list_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct setting_ctx *t = ctx;
    enum err r = ERR_OK;
    for (enum option o = 0; r == ERR_OK && o < OPTION_N; o++)
        r = fill(cx, t->c, o, &t->out[o], e);
    return r;
}

enum err setting_index(struct call *c, struct error *e)
{
    void *memory;
    struct setting_ctx t = {.c = c};
    enum err r = call_alloc(c, sizeof(struct setting_list), &memory, e);
    if (r)
        return r;
    struct setting_list *list = memory;
    r = call_alloc(c, OPTION_N * sizeof *list->items, &memory, e);
    t.out = list->items = memory;
    list->n = OPTION_N;
    c->out = list;
    return r ? r : db_read(c->api->env.db, list_fn, &t, e);
}

static enum err find(struct setting_ctx *t, struct error *e)
{
    void *memory;
    enum err r = call_alloc(t->c, sizeof *t->out, &memory, e);
    t->out = memory;
    t->option = option_find(t->c->params[0]);
    if (r == ERR_OK && t->option == OPTION_N)
        return error_set(e, ERR_NOT_FOUND, "there is no such setting");
    t->c->subject = r ? (struct str){0} : str_from(option_rows[t->option].name);
    return r;
}

static enum err fill_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct setting_ctx *t = ctx;
    return fill(cx, t->c, t->option, t->out, e);
}

enum err setting_show(struct call *c, struct error *e)
{
    struct setting_ctx t = {.c = c};
    enum err r = find(&t, e);
    if (r == ERR_OK)
        r = db_read(c->api->env.db, fill_fn, &t, e);
    c->out = t.out;
    c->version = r ? 0 : t.out->version;
    return r;
}

static enum err patch_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct setting_ctx *t = ctx;
    struct call *c = t->c;
    char name[SETTING_NAME];
    struct str before;
    int64_t version;
    option_setting_name(t->option, name);
    enum err r = stored(cx, c, t->option, &before, &version, e);
    if (r == ERR_OK && t->if_match && t->if_match != version)
        return error_set(e, ERR_PRECONDITION, "the setting was changed by someone else");
    if (r == ERR_OK && t->value.p)
        r = setting_put(cx, c->a, name, t->value, false, NULL, e);
    else if (r == ERR_OK)
        r = setting_delete(cx, name, e);
    return r ? r : fill(cx, c, t->option, t->out, e);
}

/* A copy of the configuration reads the value, so that nothing is stored that a start refuses. */
static enum err check(const struct setting_ctx *t, struct error *e)
{
    const char *name = option_rows[t->option].name;
    struct config scratch = {0};
    if (option_change_of(t->option) == OPTION_CHANGE_NEVER)
        return error_set(e, ERR_CONFLICT, "%s is changed in the configuration, not here", name);
    if (is_configured(t->c, t->option))
        return error_set(e, ERR_CONFLICT, "%s is set by %.120s: change it there", name,
                         config_origin(t->c->api->env.config, t->option));
    return t->value.p ? option_parse(t->option, t->value.p, &scratch, e) : ERR_OK;
}

enum err setting_patch(struct call *c, struct error *e)
{
    const struct setting_in *in = c->in;
    struct setting_ctx t = {.c = c, .value = in->value};
    enum err r = find(&t, e);
    if (r == ERR_OK)
        r = check(&t, e);
    if (r == ERR_OK)
        r = call_if_match(c, &t.if_match, e);
    if (r == ERR_OK)
        r = db_tx(c->api->env.db, patch_fn, &t, e);
    c->out = t.out;
    c->version = r ? 0 : t.out->version;
    return r;
}

/* ---- what counts at once */

static enum err number_now(struct db_cx *cx, struct call *c, enum option o, int64_t *value,
                           struct error *e)
{
    struct str text;
    int64_t version;
    enum err r = is_configured(c, o) ? ERR_OK : stored(cx, c, o, &text, &version, e);
    if (r || is_configured(c, o))
        return r;
    if (!text.p)
        text = str_from(option_rows[o].text); /* not what the start found: it may be gone */
    return error_wrap(e, str_to_i64(text, value, e), "setting %s", option_rows[o].name);
}

struct policy_ctx {
    struct call *c;
    struct course *course;
};

static enum err policy_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct policy_ctx *t = ctx;
    enum err r = number_now(cx, t->c, OPTION_confirmations, &t->course->confirmations, e);
    return r ? r : number_now(cx, t->c, OPTION_late_after_min, &t->course->late_after_min, e);
}

enum err course_defaults(struct call *c, struct course *ret_course, struct error *e)
{
    const struct config *cfg = c->api->env.config;
    *ret_course = (struct course){.term = STR(""),
                                  .confirmations = cfg->confirmations,
                                  .late_after_min = cfg->late_after_min,
                                  .version = 1};
    struct policy_ctx t = {.c = c, .course = ret_course};
    return db_read(c->api->env.db, policy_fn, &t, e);
}
