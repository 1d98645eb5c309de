/* `rollcall calibrate`: a false-match table of the site's own people.
 *
 * The running server measures, or the command itself on the database (calibrate_site.h). With
 * --photos the people come from a folder instead, for an encoder that nobody is enrolled with yet.
 * Vectors lie in one arena, wiped at the end. Thread: main. */
#include "app/app.h"
#include "app/vision_options.h"
#include "cmd/args.h"
#include "cmd/calibrate_site.h"
#include "cmd/cmd.h"
#include "cmd/eval_photos.h"
#include "cmd/settings.h"
#include "store/migrate.h"

#include <stdio.h>

enum { REPORT_MAX = MIB };

static const char about[] =
    "Compares the photos behind your templates with the templates of other students, builds the\n"
    "table of false-match rates from that, and shows the thresholds before and after, with the\n"
    "number of comparisons behind them. It says whether hub correction finds more of your people;\n"
    "hub_correction = auto follows that. Nothing changes without --apply; --reset goes back to "
    "the\n"
    "tables that are shipped. Needs 284 students with a template. Two students who are one "
    "person,\n"
    "enrolled twice, spoil it: look through the look-alikes first.\n"
    "A running server does the work and uses the result at once; --photos works on the database\n"
    "itself: with SQLite, stop the server first.";

static const char examples[] = "  rollcall calibrate\n"
                               "  rollcall calibrate --apply\n"
                               "  rollcall calibrate --photos people --encoder onnx:mine.onnx\n"
                               "  rollcall calibrate --reset";

struct calibrate {
    struct calibrate_site site;
    const char *photos; /* folder */
};

static enum err run_photos(struct calibrate *c, struct error *e)
{
    const struct eval_photos_options options = {.folder = c->photos};
    struct vision_options o;
    struct vision *v = NULL;
    struct eval_photos *photos = NULL;
    struct eval_faces faces;
    app_vision_options(c->site.config, &o);
    enum err r = vision_open(&o, &v, e);
    if (!r)
        r = eval_photos_open(&options, &photos, e);
    const struct eval_analysis analysis = {.vision = v,
                                           .threads = 1,
                                           .max_pixels = c->site.config->photo_max_pixels,
                                           .max_bytes = c->site.config->photo_max_bytes,
                                           .key = ""};
    if (!r)
        r = eval_photos_analyse(photos, &analysis, e);
    if (!r)
        r = eval_photos_faces(photos, c->site.arena, &faces, NULL, e);
    if (!r)
        r = calibrate_faces(&c->site, vision_encoder(v), vision_preprocessing(v), &faces, e);
    eval_photos_close(photos);
    vision_close(v);
    return r;
}

static enum err run_templates(struct calibrate *c, struct error *e)
{
    enum err r = app_template_keys(c->site.config, &c->site.keys, e);
    return r ? r : calibrate_templates(&c->site, e);
}

/* With a server: it has the database, and uses the result at once. */
static enum err ask(struct calibrate *c, struct remote *remote, struct error *e)
{
    json_t *answer = NULL, *line;
    size_t i;
    json_t *body = json_pack("{s:b, s:b, s:s*}", "apply", c->site.apply, "reset", c->site.reset,
                             "encoder", c->site.only);
    enum err r = body ? remote_json(remote, c->site.arena, HTTP_POST, "/v1/system/calibration",
                                    body, &answer, e)
                      : error_set(e, ERR_NOMEM, "out of memory");
    if (r)
        return r;
    json_array_foreach(json_object_get(answer, "lines"), i, line)
        printf("%s\n", json_string_value(line));
    json_decref(answer);
    return ERR_OK;
}

/* On the database itself. Photos need it, since the models run here. */
static enum err work(struct calibrate *c, struct error *e)
{
    _cleanup_(buf_done) struct buf out;
    int applied = 0;
    enum err r = ERR_OK;
    buf_init(&out, REPORT_MAX);
    c->site.out = &out;
    if (c->photos)
        r = migrate_up(c->site.db, &applied, e); /* measured before the first start */
    if (!r)
        r = c->photos ? run_photos(c, e) : run_templates(c, e);
    printf("%.*s", STR_ARGS(buf_str(&out)));
    if (!r && (c->site.apply || c->site.reset))
        printf("A running worker follows within cache_ttl_s; hub correction with the next rebuild "
               "of its gallery.\n");
    return r;
}

static int run(struct calibrate *c, const struct remote_place *place)
{
    struct error e = {.code = ERR_OK};
    struct calibrate_site *s = &c->site;
    _cleanup_(settings_close_db) struct db *db = NULL;
    _cleanup_(remote_closep) struct remote *remote = NULL;
    _cleanup_(arena_freep) struct arena *a = arena_new(CALIBRATE_ARENA);
    enum err r = ERR_OK;
    s->arena = a;
    if (!a)
        r = error_set(&e, ERR_NOMEM, "out of memory");
    else if (c->photos)
        r = settings_open_db(s->config, true, &db, &e);
    else
        r = settings_reach(s->config, place, a, &remote, &db, &e);
    s->db = db;
    if (!r)
        r = remote ? ask(c, remote, &e) : work(c, &e);
    keyring_free(s->keys.ring);
    explicit_bzero(&s->keys, sizeof s->keys);
    return r ? cmd_fail("calibrate", &e) : CMD_OK;
}

int cmd_calibrate(int argc, char **argv)
{
    struct calibrate c = {0};
    struct remote_place place = {.server = NULL};
    const struct arg_option options[] = {
        {.name = "apply",
         .type = ARG_FLAG,
         .ret = &c.site.apply,
         .help = "use the result from now on"},
        {.name = "reset",
         .type = ARG_FLAG,
         .ret = &c.site.reset,
         .help = "go back to the tables that are shipped"},
        {.name = "only",
         .metavar = "ENCODER",
         .ret = &c.site.only,
         .help = "only the templates of this encoder (default: of each that there are)"},
        {.name = "photos",
         .metavar = "DIR",
         .ret = &c.photos,
         .help = "measure on DIR/PERSON/PHOTO.jpg with the configured encoder instead"},
        REMOTE_OPTIONS(place),
    };
    const struct arg_spec spec = {.command = "calibrate",
                                  .synopsis = "[--apply | --reset] [--only ENCODER] [--photos DIR]",
                                  .about = about,
                                  .examples = examples,
                                  .options = options,
                                  .n_options = ARRAY_LEN(options)};
    struct args args;
    _cleanup_(config_freep) struct config *config = NULL;
    enum args_outcome outcome = settings_args(&spec, argc, argv, &args, &config);
    if (outcome != ARGS_RUN)
        return args_status(outcome);
    if (c.site.reset && (c.site.apply || c.photos))
        return cmd_bad_usage("calibrate", "--reset goes with neither --apply nor --photos");
    c.site.config = config;
    settings_place(config, &place);
    return run(&c, &place);
}
