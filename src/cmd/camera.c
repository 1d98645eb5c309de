/* `rollcall camera`: sends frames to a session and prints what comes back.
 *
 * Thread: main, and one sender thread (live.c). Cost: that of reading and posting the frames. */
#include "cmd/args.h"
#include "cmd/cameras.h"
#include "cmd/challenge.h"
#include "cmd/cmd.h"
#include "cmd/live.h"
#include "cmd/settings.h"

static const char about[] =
    "Sends pictures to an active session and prints what Rollcall sees, line by line.\n"
    "PATH is a picture, a folder of pictures, a video file, a V4L2 device or an RTSP address.\n"
    "While the server is busy or away a frame is tried again for about half a minute, then "
    "counted\n"
    "as lost. Ends with what was sent, accepted, processed and dropped; Ctrl-C ends it early.\n"
    "Exit status 1 when frames were lost or none was accepted.\n"
    "With --challenge it is a kiosk for one person: it prints what to do (turn left, turn right,\n"
    "blink), and the mark when that was done. Exit status 1 when it was not.";

static const char examples[] =
    "  rollcall camera --session ID photos/\n"
    "  rollcall camera --session ID --fps 2 --camera 'Room 12' /dev/video0\n"
    "  rollcall camera --session ID rtsp://camera.local/stream\n"
    "  rollcall camera --session ID --photos class-of-today.jpg\n"
    "  rollcall camera --session ID --loop --fps 10 lecture.mp4\n"
    "  rollcall camera --session ID --challenge /dev/video0";

static int run(struct remote *remote, const char *path, const struct frames_options *frames,
               struct live_options *live)
{
    struct error e = {.code = ERR_OK};
    struct live_counts counts;
    _cleanup_(frames_closep) struct frames *source = NULL;
    _cleanup_(feedback_freep) struct feedback *feedback = NULL;
    enum err r = frames_open(path, frames, &source, &e);
    if (!r)
        r = feedback_new(stdout, remote, &feedback, &e);
    if (r)
        return cmd_fail("camera", &e);
    feedback_heading(feedback);
    r = live_run(remote, source, feedback, live, &counts, &e);
    live_print_counts(stdout, &counts);
    if (r)
        return cmd_fail("camera", &e);
    bool nothing = counts.sent > 0 && counts.accepted == 0;
    return counts.lost > 0 || nothing ? CMD_FAILED : CMD_OK;
}

static int run_challenge(struct remote *remote, const char *path,
                         const struct frames_options *frames, const struct live_options *live)
{
    struct error e = {.code = ERR_OK};
    bool passed = false;
    const struct challenge_options o = {
        .session = live->session, .camera = live->camera, .fps = live->fps, .stop = live->stop};
    _cleanup_(frames_closep) struct frames *source = NULL;
    enum err r = frames_open(path, frames, &source, &e);
    if (!r)
        r = challenge_run(remote, source, stdout, &o, &passed, &e);
    if (r)
        return cmd_fail("camera", &e);
    return passed ? CMD_OK : CMD_FAILED;
}

int cmd_camera(int argc, char **argv)
{
    static atomic_bool stop;
    struct remote_place place = {0};
    const char *session = NULL, *camera = NULL;
    double fps = 5;
    bool loop = false, class_photos = false, challenge = false;
    const struct arg_option options[] = {
        {.name = "session", .metavar = "ID", .ret = &session, .help = "the session (needed)"},
        {.name = "fps",
         .metavar = "N",
         .type = ARG_REAL,
         .ret = &fps,
         .min = 0.01,
         .max = 1000,
         .help = "frames a second (default 5)"},
        {.name = "loop", .type = ARG_FLAG, .ret = &loop, .help = "start again at the end"},
        {.name = "camera",
         .metavar = "NAME",
         .ret = &camera,
         .help = "send as this camera (made when there is none of that name)"},
        {.name = "photos",
         .type = ARG_FLAG,
         .ret = &class_photos,
         .help = "these are photos of the whole class: one sighting marks"},
        {.name = "challenge",
         .type = ARG_FLAG,
         .ret = &challenge,
         .help = "a liveness challenge of one person, step by step"},
        REMOTE_OPTIONS(place),
    };
    const struct arg_spec spec = {
        .command = "camera",
        .synopsis = "--session ID [--fps N] [--loop] [--photos] [--challenge] [--camera NAME] PATH",
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
    char session_id[ID_TEXT], camera_id[ID_TEXT] = "";
    if (!session || id_parse(str_from(session), session_id, NULL))
        return cmd_bad_usage("camera", "--session wants the id of a session");
    if (class_photos && challenge)
        return cmd_bad_usage("camera", "--photos are of the whole class, --challenge is of one "
                                       "person: choose one of them");

    struct error e = {.code = ERR_OK};
    _cleanup_(remote_closep) struct remote *remote = NULL;
    enum err r = remote_open(&place, &remote, &e);
    if (!r && camera)
        r = camera_find_or_add(remote, camera, camera_id, &e);
    if (r)
        return cmd_fail("camera", &e);
    live_stop_on_signals(&stop);
    const struct frames_options frames = {.fps = fps, .loop = loop, .stop = &stop};
    struct live_options live = {.session = session_id,
                                .camera = camera_id,
                                .fps = fps,
                                .class_photos = class_photos,
                                .stop = &stop};
    if (challenge)
        return run_challenge(remote, args.positional[0], &frames, &live);
    return run(remote, args.positional[0], &frames, &live);
}
