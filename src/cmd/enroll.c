/* `rollcall enroll`: students and their photos from a folder. Thread: main. */
#include "cmd/args.h"
#include "cmd/cmd.h"
#include "cmd/people.h"
#include "cmd/settings.h"

static const char about[] =
    "Enrols students from a folder with one sub-folder each. The sub-folder's name is the "
    "student's\n"
    "name ('Jane Doe', jane_doe), or id and name ('1234_Jane Doe'). Missing students are created,\n"
    "photos are uploaded to those who have none, and every photo gets its verdict. Run it again\n"
    "after a failure: what is done stays done. No face is enrolled without a consent: --consent "
    "says\n"
    "that these students agreed to the words of that version, and records it for each.";

static const char examples[] = "  rollcall enroll --consent 2026-09 class-of-2026/\n"
                               "  rollcall enroll --consent 2026-09 --course CS-101 class/\n"
                               "  rollcall enroll --again more-photos/";

struct course_wanted {
    const char *code;
    char id[ID_TEXT];
    int matches; /* one code may stand in several terms */
};

static enum err match_course(void *ctx, const json_t *item, struct error *e)
{
    struct course_wanted *w = ctx;
    (void)e;
    if (strcmp(json_text(item, "code"), w->code) == 0) {
        snprintf(w->id, sizeof w->id, "%s", json_text(item, "id"));
        w->matches++;
    }
    return ERR_OK;
}

static enum err find_course(struct remote *r, const char *code, char ret_id[static ID_TEXT],
                            struct error *e)
{
    struct course_wanted w = {.code = code};
    if (id_parse(str_from(code), ret_id, NULL) == ERR_OK)
        return ERR_OK;
    enum err err = remote_each(r, "/v1/courses", "", match_course, &w, e);
    if (!err && w.matches == 0)
        err = error_set(e, ERR_NOT_FOUND, "there is no course %.80s", code);
    if (!err && w.matches > 1)
        err = error_set(e, ERR_CONFLICT, "%d courses have the code %.80s: give the id", w.matches,
                        code);
    snprintf(ret_id, ID_TEXT, "%s", w.id);
    return err;
}

static enum err enrol_all(struct remote *remote, const char *folder, const char *course,
                          const struct people_how *how, struct people_summary *ret_summary,
                          struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(64 * MIB);
    struct person *people = NULL;
    char course_id[ID_TEXT] = "";
    int n = 0;
    if (!a)
        return error_set(e, ERR_NOMEM, "out of memory");
    enum err r = people_of_folder(folder, a, &people, &n, e);
    if (!r && course)
        r = find_course(remote, course, course_id, e);
    if (!r)
        r = people_enrol(remote, people, n, how, ret_summary, e);
    for (int i = 0; i < n && !r && course; i++)
        r = people_put_on_roster(remote, course_id, &people[i], e);
    return r;
}

int cmd_enroll(int argc, char **argv)
{
    struct remote_place place = {0};
    const char *course = NULL;
    struct people_how how = {.verbose = true};
    const struct arg_option options[] = {
        {.name = "course",
         .metavar = "CODE",
         .ret = &course,
         .help = "also put them on this course's roster (code or id)"},
        {.name = "consent",
         .metavar = "TEXT_VERSION",
         .ret = &how.consent,
         .help = "record that they agreed to recognition, in the words of this version"},
        {.name = "again",
         .type = ARG_FLAG,
         .ret = &how.again,
         .help = "upload to students who have photos already, too"},
        REMOTE_OPTIONS(place),
    };
    const struct arg_spec spec = {.command = "enroll",
                                  .synopsis =
                                      "[--consent TEXT_VERSION] [--course CODE] [--again] DIR",
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
    struct error e = {.code = ERR_OK};
    struct people_summary s = {0};
    _cleanup_(remote_closep) struct remote *remote = NULL;
    enum err r = remote_open(&place, &remote, &e);
    if (!r)
        r = enrol_all(remote, args.positional[0], course, &how, &s, &e);
    if (r)
        return cmd_fail("enroll", &e);
    printf("%d students created, %d were there; %d photos sent: %d accepted, %d rejected\n",
           s.created, s.existing, s.uploaded, s.accepted, s.rejected);
    if (s.empty > 0)
        printf("%d of them cannot be recognised yet: no photo was accepted\n", s.empty);
    return s.empty > 0 ? CMD_FAILED : CMD_OK;
}
