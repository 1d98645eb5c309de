/* A kiosk in a terminal: see challenge.h. One frame at a time, each answered before the next is
 * read: what is shown is always what the server waits for. Cost: that of the frames. */
#include "cmd/challenge.h"

#include "base/id.h"

#include <stdatomic.h>
#include <unistd.h>

enum { FRAME_ARENA = 192 * 1024 * 1024, STEP_TEXT = 32 };

struct kiosk {
    struct remote *remote;
    FILE *out;
    char path[256];
    char step[STEP_TEXT]; /* what was printed last */
    bool over, passed;
};

/* Prints what is new. */
static void tell(struct kiosk *k, const json_t *challenge)
{
    const char *state = json_text(challenge, "state"), *step = json_text(challenge, "step");
    k->over = strcmp(state, "running") != 0;
    k->passed = strcmp(state, "passed") == 0;
    if (!k->over && strcmp(step, k->step) == 0)
        return;
    snprintf(k->step, sizeof k->step, "%s", step);
    if (k->over)
        fprintf(k->out, "%s %s  %s\n", state, json_text(challenge, "reason"),
                json_text(challenge, "prompt"));
    else
        fprintf(k->out, "%.0f/%.0f  %s\n", json_num(challenge, "done"),
                json_num(challenge, "steps"), json_text(challenge, "prompt"));
    fflush(k->out);
}

/* Whom the challenge was about, when the last frame marked somebody. */
static void tell_mark(struct kiosk *k, const json_t *result)
{
    size_t i;
    const json_t *face;
    json_array_foreach(json_object_get(result, "faces"), i, face)
    {
        const json_t *mark = json_object_get(face, "mark");
        if (json_is_object(mark))
            fprintf(k->out, "%s  %s\n", json_text(mark, "status"),
                    json_text(json_object_get(face, "student"), "name"));
    }
}

static enum err begin(struct kiosk *k, struct arena *a, const struct challenge_options *o,
                      struct error *e)
{
    json_t *challenge;
    snprintf(k->path, sizeof k->path, "/v1/sessions/%s/challenges", o->session);
    enum err r = remote_json(k->remote, a, HTTP_POST, k->path, NULL, &challenge, e);
    if (r)
        return r;
    snprintf(k->path, sizeof k->path, "/v1/sessions/%s/challenges/%s/frames%s%s", o->session,
             json_text(challenge, "challenge"), o->camera[0] ? "?camera=" : "", o->camera);
    tell(k, challenge);
    json_decref(challenge);
    return ERR_OK;
}

static enum err show(struct kiosk *k, struct arena *a, const struct frame *frame, struct error *e)
{
    json_t *result;
    enum err r = remote_bytes(k->remote, a, HTTP_POST, k->path, "application/octet-stream",
                              frame->bytes, &result, e);
    if (r)
        return r;
    const json_t *challenge = json_object_get(result, "challenge");
    if (json_is_object(challenge))
        tell(k, challenge);
    if (k->passed)
        tell_mark(k, result);
    json_decref(result);
    return ERR_OK;
}

/* Waits until the next frame of a source that could be read at any speed. */
static void pace(usec_t *due, double fps)
{
    usec_t now = time_mono();
    if (*due > now)
        usleep((useconds_t)(*due - now));
    *due = (*due > now ? *due : now) + (usec_t)((double)USEC_PER_SEC / fps);
}

enum err challenge_run(struct remote *remote, struct frames *source, FILE *out,
                       const struct challenge_options *o, bool *ret_passed, struct error *e)
{
    struct kiosk k = {.remote = remote, .out = out};
    usec_t due = time_mono();
    bool end = false;
    _cleanup_(arena_freep) struct arena *a = arena_new(FRAME_ARENA);
    enum err r = a ? begin(&k, a, o, e) : error_set(e, ERR_NOMEM, "out of memory");
    while (!r && !k.over && !atomic_load(o->stop)) {
        struct frame frame;
        arena_reset(a);
        if (!frames_is_live(source))
            pace(&due, o->fps);
        r = frames_next(source, a, &frame, &end, e);
        if (r || end)
            break;
        r = show(&k, a, &frame, e);
    }
    if (!r && !k.over)
        fprintf(out, "the challenge was not finished\n");
    *ret_passed = k.passed;
    return r;
}
