/* Liveness challenges of kiosks (attendance/challenge.h). Handler threads; like frames they touch
 * no database on cache hits, and nothing is decoded here: a worker judges the frame, and its event
 * answers the request. The state is in the bus, under a key put once. */
#include "api/frame_in.h"
#include "api/handlers.h"

#include "attendance/challenge.h"
#include "base/metrics.h"

#include <sodium.h>

#define FRAME_WAIT (10 * USEC_PER_SEC)

/* Places in the option challenge_steps. */
enum { STEPS_TURNS, STEPS_TURNS_AND_BLINK };
enum { CHALLENGES_PER_MINUTE = 60 }; /* of one token */

/* Challenges wait where frames' identities and tickets do: one token may not fill that. */
static enum err may_create(struct call *c, const char *id, usec_t now, struct error *e)
{
    static const struct bus_evidence_rule minute = {.gap = 0, .window = USEC_PER_MIN};
    char key[CHALLENGE_KEY];
    int count = 0;
    snprintf(key, sizeof key, "challenges:%s", c->who.login[0] ? c->who.login : c->who.user);
    enum err r =
        bus_evidence_add(c->api->env.bus, str_from(key), str_from(id), now, &minute, &count, e);
    if (r || count <= CHALLENGES_PER_MINUTE)
        return r;
    c->retry_after_s = 60;
    return error_set(e, ERR_RATE, "%d challenges were begun in a minute: wait one",
                     CHALLENGES_PER_MINUTE);
}

enum err challenge_create(struct call *c, struct error *e)
{
    struct challenge challenge;
    struct challenge_seed seed;
    struct work_frame f = {.received_at = time_utc()};
    char id[ID_TEXT], key[CHALLENGE_KEY];
    struct str existing;
    void *memory;
    enum err r = call_id(c, 0, f.session.text, e);
    if (!r)
        r = frame_in_session(c, &f, e);
    if (!r)
        r = call_alloc(c, sizeof(struct event_challenge), &memory, e);
    if (r)
        return r;
    id_new(id);
    r = may_create(c, id, f.received_at, e);
    if (r)
        return r;
    randombytes_buf(&seed, sizeof seed);
    bool blinks = c->api->env.config->challenge_steps == STEPS_TURNS_AND_BLINK;
    challenge_issue(&challenge, &seed, blinks, f.session, f.received_at);
    challenge_key(id, key);
    usec_t kept = CHALLENGE_KEPT + challenge.expires_at - challenge.issued_at;
    r = bus_put_once(c->api->env.bus, c->a, str_from(key), challenge_bytes(&challenge), kept,
                     &existing, e);
    if (r)
        return r;
    metric_add(METRIC_challenges_total, 1);
    challenge_show(&challenge, id, memory);
    c->out = memory;
    return ERR_OK;
}

/* It is there, of this session, and still running. */
static enum err check_challenge(struct call *c, const struct work_frame *f, struct error *e)
{
    char key[CHALLENGE_KEY];
    struct str bytes;
    struct challenge challenge;
    struct error why;
    challenge_key(f->challenge, key);
    enum err r = bus_swap(c->api->env.bus, c->a, str_from(key), STR(""), STR(""), CHALLENGE_KEPT,
                          &bytes, &why); /* a look */
    if (!r)
        r = challenge_read(bytes, &challenge, &why);
    if (r && r != ERR_NOT_FOUND && r != ERR_CORRUPT)
        return error_set(e, r, "%s", why.msg);
    if (r || strcmp(challenge.session, f->session.text) != 0)
        return error_set(e, ERR_NOT_FOUND, "there is no such challenge: begin a new one");
    if (challenge.state == CHALLENGE_PASSED || challenge.state == CHALLENGE_FAILED)
        return error_set(e, ERR_CONFLICT, "the challenge is over (%s): begin a new one",
                         challenge_state_word(&challenge));
    return ERR_OK;
}

enum err challenge_frame(struct call *c, struct error *e)
{
    struct frame_in in = {.work.frame.image = c->req->body, .wait = true};
    struct work_frame *f = &in.work.frame;
    struct str camera;
    f->received_at = f->captured_at = time_utc(); /* a kiosk's own clock is not asked */
    enum err r = call_id(c, 0, f->session.text, e);
    if (!r)
        r = call_id(c, 1, f->challenge, e);
    if (!r)
        r = call_query(c, "camera", &camera, e);
    if (!r && camera.p)
        r = error_wrap(e, id_parse(camera, f->camera.text, e), "camera");
    if (!r)
        r = frame_in_session(c, f, e);
    if (!r)
        r = frame_in_check(f->image, e);
    if (!r)
        r = check_challenge(c, f, e);
    return r ? r : frame_in_take(c, &in, FRAME_WAIT, e);
}
