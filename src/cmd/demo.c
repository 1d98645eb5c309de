/* `rollcall demo`: a whole class in a minute, from photographs of real people.
 *
 * Enrols the people of SAMPLES/train, makes a course with all but the last of them on its roster, a
 * session, and plays camera: their SAMPLES/val photos, a group photo of strangers and a picture
 * without a face. Then checks what Rollcall said against who is in the pictures.
 * Thread: main, and live.c's sender. Invariant: never touches a database that holds anything but
 * an interrupted demo. */
#include "cmd/args.h"
#include "cmd/cameras.h"
#include "cmd/cmd.h"
#include "cmd/demo_check.h"
#include "cmd/demo_picture.h"
#include "cmd/live.h"
#include "cmd/people.h"
#include "cmd/settings.h"

static const char about[] =
    "Shows Rollcall at work on an empty database: enrols the people of SAMPLES_DIR/train, puts "
    "all\n"
    "but the last on the roster of course DEMO-101, starts a session and replays SAMPLES_DIR/val\n"
    "(and a group photo of strangers, and a picture without a face) as a camera would. Ends with\n"
    "the attendance table and a check of every name. The session stays active for you to look at.\n"
    "On a database that holds anything else it only says where to look.\n"
    "Exit status 1 when anybody was given the name of somebody else.";

static const char examples[] = "  rollcall demo .deps/samples\n"
                               "  rollcall demo .deps/samples --group .deps/samples/group/t1.jpg";

enum { DEMO_FPS = 6, DEMO_IN_FLIGHT = 4, DEMO_ITEMS_MAX = 2000 };

struct demo {
    struct remote *remote;
    struct arena *arena;
    const char *samples, *group;
    struct person *people;
    int n_people;
    char course[ID_TEXT], session[ID_TEXT], camera[ID_TEXT];
    struct frame_item items[DEMO_ITEMS_MAX];
    int n_items;
};

/* ---- is there room for a demo? */

struct census {
    const struct demo *demo;
    bool foreign; /* somebody or something the demo did not make */
};

static enum err count_student(void *ctx, const json_t *item, struct error *e)
{
    struct census *c = ctx;
    (void)e;
    for (int i = 0; i < c->demo->n_people; i++)
        if (strcmp(c->demo->people[i].external_id, json_text(item, "external_id")) == 0)
            return ERR_OK;
    c->foreign = true;
    return ERR_OK;
}

static enum err count_anything(void *ctx, const json_t *item, struct error *e)
{
    struct census *c = ctx;
    (void)item;
    (void)e;
    c->foreign = true;
    return ERR_OK;
}

/* True for an empty database, or one where a demo was interrupted while it enrolled. */
static enum err is_free(struct demo *d, bool *ret_free, struct error *e)
{
    struct census c = {.demo = d};
    enum err r = remote_each(d->remote, "/v1/students", "", count_student, &c, e);
    if (!r && !c.foreign)
        r = remote_each(d->remote, "/v1/sessions", "", count_anything, &c, e);
    *ret_free = !c.foreign;
    return r;
}

/* ---- seeding */

static enum err find_demo_course(void *ctx, const json_t *item, struct error *e)
{
    struct demo *d = ctx;
    (void)e;
    if (strcmp(json_text(item, "code"), "DEMO-101") == 0)
        snprintf(d->course, sizeof d->course, "%s", json_text(item, "id"));
    return ERR_OK;
}

/* Creates something and copies its id. */
static enum err create(struct demo *d, const char *path, json_t *body, char ret_id[static ID_TEXT],
                       struct error *e)
{
    json_t *made = NULL;
    enum err r = remote_json(d->remote, d->arena, HTTP_POST, path, body, &made, e);
    if (!r)
        snprintf(ret_id, ID_TEXT, "%s", json_text(made, "id"));
    json_decref(made);
    return r;
}

static enum err make_course(struct demo *d, struct error *e)
{
    enum err r = remote_each(d->remote, "/v1/courses", "", find_demo_course, d, e);
    if (!r && !d->course[0])
        r = create(d, "/v1/courses",
                   json_pack("{s:s, s:s}", "code", "DEMO-101", "title",
                             "Introduction to Being Recognised"),
                   d->course, e);
    int on_roster = d->n_people > 1 ? d->n_people - 1 : d->n_people;
    for (int i = 0; i < on_roster && !r; i++)
        r = people_put_on_roster(d->remote, d->course, &d->people[i], e);
    if (!r)
        printf("Course DEMO-101 'Introduction to Being Recognised': %d on the roster, %s is not.\n",
               on_roster, d->people[d->n_people - 1].name);
    return r;
}

static enum err make_session(struct demo *d, struct error *e)
{
    char path[64 + ID_TEXT];
    enum err r = create(d, "/v1/sessions",
                        json_pack("{s:s, s:s, s:i}", "course", d->course, "title", "Demo sitting",
                                  "confirmations", 1),
                        d->session, e);
    if (r)
        return r;
    snprintf(path, sizeof path, "/v1/sessions/%s/start", d->session);
    r = remote_json(d->remote, d->arena, HTTP_POST, path, NULL, NULL, e);
    if (!r)
        r = camera_find_or_add(d->remote, "demo camera", d->camera, e);
    if (!r)
        printf("Session %s is active (one sighting makes a mark).\n\n", d->session);
    return r;
}

/* ---- the pictures */

static enum err add_item(struct demo *d, struct frame_item item, struct error *e)
{
    if (d->n_items == DEMO_ITEMS_MAX)
        return error_set(e, ERR_TOO_LARGE, "more than %d pictures", DEMO_ITEMS_MAX);
    d->items[d->n_items++] = item;
    return ERR_OK;
}

/* The val photos, one of each person in turn, as `person/NN.jpg`. */
static enum err add_val_photos(struct demo *d, struct error *e)
{
    struct frame_item **photos = arena_array(d->arena, (size_t)d->n_people, sizeof *photos);
    int *n = arena_array(d->arena, (size_t)d->n_people, sizeof *n), most = 0;
    if (!photos || !n)
        return error_set(e, ERR_NOMEM, "out of memory");
    for (int i = 0; i < d->n_people; i++) {
        const char *folder = strrchr(d->people[i].folder, '/') + 1;
        const char *path = arena_printf(d->arena, "%s/val/%s", d->samples, folder);
        enum err r = path ? frames_list_folder(path, d->arena, &photos[i], &n[i], e)
                          : error_set(e, ERR_NOMEM, "out of memory");
        if (r)
            return r;
        most = n[i] > most ? n[i] : most;
    }
    for (int k = 0; k < most; k++) {
        for (int i = 0; i < d->n_people; i++) {
            if (k >= n[i])
                continue;
            char *name = arena_printf(d->arena, "%s/%02d", d->people[i].external_id, k + 1);
            enum err r = name ? add_item(d, (struct frame_item){photos[i][k].path, name, {0}}, e)
                              : error_set(e, ERR_NOMEM, "out of memory");
            if (r)
                return r;
        }
    }
    return ERR_OK;
}

static enum err collect_pictures(struct demo *d, struct error *e)
{
    struct str empty;
    enum err r = add_val_photos(d, e);
    if (!r && d->group)
        r = add_item(d, (struct frame_item){d->group, DEMO_GROUP_NAME, {0}}, e);
    if (!r)
        r = demo_picture_without_face(d->arena, &empty, e);
    if (!r)
        r = add_item(d, (struct frame_item){NULL, DEMO_EMPTY_NAME, empty}, e);
    return r;
}

static enum err replay(struct demo *d, struct demo_check *check, struct feedback *feedback,
                       struct error *e)
{
    static atomic_bool stop;
    struct live_counts counts;
    _cleanup_(frames_closep) struct frames *source = NULL;
    const struct frames_options frames = {.fps = DEMO_FPS, .stop = &stop};
    const struct live_options live = {.session = d->session,
                                      .camera = d->camera,
                                      .fps = DEMO_FPS,
                                      .in_flight_max = DEMO_IN_FLIGHT,
                                      .on_result = demo_check_result,
                                      .ctx = check,
                                      .stop = &stop};
    enum err r = frames_open_list(d->items, d->n_items, &frames, &source, e);
    if (r)
        return r;
    live_stop_on_signals(&stop);
    feedback_heading(feedback);
    r = live_run(d->remote, source, feedback, &live, &counts, e);
    live_print_counts(stdout, &counts);
    if (!r && atomic_load(&stop))
        r = error_set(e, ERR_UNAVAILABLE, "stopped before the end");
    check->lost = (int)(counts.lost + counts.dropped + counts.refused);
    return r;
}

/* The attendance as it stands now: what a receipt says outlives this program. */
static enum err print_attendance(struct demo *d, struct feedback *feedback, struct error *e)
{
    char path[64 + ID_TEXT];
    json_t *marks = NULL;
    snprintf(path, sizeof path, "/v1/sessions/%s/marks", d->session);
    enum err r = remote_json(d->remote, d->arena, HTTP_GET, path, NULL, &marks, e);
    if (r)
        return r;
    printf("\nAttendance of DEMO-101\n");
    feedback_table(feedback, marks);
    json_decref(marks);
    return ERR_OK;
}

static void print_where(const struct demo *d)
{
    printf("\nRollcall answers at %s\n", remote_url(d->remote));
    printf(
        "Sign in with the one-time code that 'rollcall serve' printed at its first start, or get "
        "a new\none with: rollcall user code admin\n");
    if (d->session[0])
        printf("Send it more pictures: rollcall camera --session %s PATH\n", d->session);
}

/* The samples are pictures from the web, not people before a camera: honest only when said. */
static void tell_liveness(const struct demo *d)
{
    json_t *system = NULL;
    struct error ignored;
    if (remote_json(d->remote, d->arena, HTTP_GET, "/v1/system", NULL, &system, &ignored))
        return;
    const char *policy = json_string_value(json_object_get(system, "liveness"));
    if (policy && strcmp(policy, "enforce") == 0)
        printf("Liveness is enforced here, and these are pictures from the web: some will be taken "
               "for what\nthey are, a spoof. Set liveness to report to see all of them named.\n");
    else if (policy && strcmp(policy, "report") == 0)
        printf("Liveness is measured and shown, not enforced: the samples are pictures from the "
               "web.\n");
    json_decref(system);
}

static int run_demo(struct demo *d, struct error *e)
{
    struct people_summary summary = {0};
    const struct people_how how = {.consent = "demo"}; /* pictures set up for this */
    struct demo_check check = {.people = d->people, .n_people = d->n_people};
    _cleanup_(feedback_freep) struct feedback *feedback = NULL;
    check.outsider = d->n_people > 1 ? d->n_people - 1 : -1;
    tell_liveness(d);
    printf("Enrolling the %d people of %s/train\n", d->n_people, d->samples);
    enum err r = people_enrol(d->remote, d->people, d->n_people, &how, &summary, e);
    if (!r)
        r = make_course(d, e);
    if (!r)
        r = collect_pictures(d, e);
    if (!r)
        r = feedback_new(stdout, d->remote, &feedback, e);
    if (!r)
        r = make_session(d, e);
    if (!r)
        r = replay(d, &check, feedback, e);
    if (!r)
        r = print_attendance(d, feedback, e);
    if (r)
        return cmd_fail("demo", e);
    bool right = demo_check_print(&check, stdout);
    print_where(d);
    return right ? CMD_OK : CMD_FAILED;
}

static int start_demo(struct demo *d, const struct remote_place *place)
{
    struct error e = {.code = ERR_OK};
    bool is_empty = false;
    _cleanup_(remote_closep) struct remote *remote = NULL;
    char *train = arena_printf(d->arena, "%s/train", d->samples);
    enum err r = train ? people_of_folder(train, d->arena, &d->people, &d->n_people, &e)
                       : error_set(&e, ERR_NOMEM, "out of memory");
    if (!r)
        r = remote_open(place, &remote, &e);
    d->remote = remote;
    if (!r)
        r = is_free(d, &is_empty, &e);
    if (r)
        return cmd_fail("demo", &e);
    if (is_empty)
        return run_demo(d, &e);
    printf("This database is in use already, so no demo is put into it.\n");
    print_where(d);
    return CMD_OK;
}

int cmd_demo(int argc, char **argv)
{
    static struct demo demo; /* too large for the stack */
    struct remote_place place = {0};
    const char *group = NULL;
    const struct arg_option options[] = {
        {.name = "group",
         .metavar = "FILE",
         .ret = &group,
         .help = "a photo of people who are not enrolled"},
        REMOTE_OPTIONS(place),
    };
    const struct arg_spec spec = {.command = "demo",
                                  .synopsis = "SAMPLES_DIR [--group FILE]",
                                  .about = about,
                                  .examples = examples,
                                  .options = options,
                                  .n_options = ARRAY_LEN(options),
                                  .min_positional = 1,
                                  .max_positional = 1};
    struct args args;
    _cleanup_(config_freep) struct config *config = NULL;
    enum args_outcome outcome = settings_args(&spec, argc, argv, &args, &config);
    if (outcome != ARGS_RUN)
        return args_status(outcome);
    settings_place(config, &place);
    _cleanup_(arena_freep) struct arena *a = arena_new(256 * MIB);
    if (!a)
        return cmd_fail("demo", &(struct error){.msg = "out of memory"});
    demo = (struct demo){.arena = a, .samples = args.positional[0], .group = group};
    return start_demo(&demo, &place);
}
