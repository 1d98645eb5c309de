/* The active liveness challenge: see challenge.h. Comparisons only; called by workers, once a frame
 * of a kiosk.
 *
 * The limits. A yaw of 25 degrees by vision/quality.h is a clear turn: photographs held in front of
 * the camera and turned by up to 60 degrees pass it in 2 % of cases, because a flat nose stays in
 * the middle of a flat face, and people so turned are still recognised (docs/recognition.md has the
 * figures). Healthy adults react to what they see in about 250 ms (Jain et al., "A
 * comparative study of visual and auditory reaction times", 2015), and then have to move. Blinks:
 * an eye that is open to 62 % of its owner's usual is closed, from 80 % on it is open again; a
 * wanted blink is over within a second. */
#include "attendance/challenge.h"

#include <math.h>
#include <stdio.h>

enum { CHALLENGE_MAGIC = 0x52434831 }; /* grows with the layout of struct challenge */

#define LIFETIME (45 * USEC_PER_SEC)
#define STEP_LIMIT (4 * USEC_PER_SEC)
#define REACTION_MIN (250 * USEC_PER_MSEC)
#define HOLD_MIN (400 * USEC_PER_MSEC)
#define HOLD_SPREAD (1200 * USEC_PER_MSEC)
#define BLINK_MAX USEC_PER_SEC

static const float straight_yaw = 15, turned_yaw = 25; /* degrees */
static const float closed_share = .62f, open_share = .8f;
static const float eyes_open_min = .2f; /* below it the eyes cannot be judged */

static const struct {
    const char *word, *sentence;
} steps[CHALLENGE_STEP_N] =
    {
#define X(code, word, sentence) [CHALLENGE_##code] = {word, sentence},
        CHALLENGE_STEP_MAP(X)
#undef X
},
  reasons[CHALLENGE_REASON_N] = {
#define X(code, word, sentence) [CHALLENGE_REASON_##code] = {word, sentence},
      CHALLENGE_REASON_MAP(X)
#undef X
};

void challenge_issue(struct challenge *c, const struct challenge_seed *seed, bool blinks,
                     struct session_id session, usec_t now)
{
    memset(c, 0, sizeof *c); /* padding too: the bytes go out */
    c->magic = CHALLENGE_MAGIC;
    c->issued_at = now;
    c->expires_at = now + LIFETIME;
    memcpy(c->session, session.text, ID_TEXT);
    for (int i = 0; i < CHALLENGE_STEPS; i++) {
        c->holds[i] = HOLD_MIN + (usec_t)(seed->holds[i] % (uint32_t)HOLD_SPREAD);
        if (!blinks) {
            c->steps[i] = seed->steps[i] % 2 ? CHALLENGE_TURN_RIGHT : CHALLENGE_TURN_LEFT;
        } else if (i == 0) {
            c->steps[i] = (enum challenge_step)(seed->steps[i] % CHALLENGE_STEP_N);
        } else { /* one of the others */
            uint32_t on = 1 + seed->steps[i] % (CHALLENGE_STEP_N - 1);
            c->steps[i] =
                (enum challenge_step)(((uint32_t)c->steps[i - 1] + on) % CHALLENGE_STEP_N);
        }
    }
}

static bool ended(const struct challenge *c)
{
    return c->state == CHALLENGE_PASSED || c->state == CHALLENGE_FAILED;
}

static void end(struct challenge *c, const struct challenge_seen *seen, enum challenge_state state,
                enum challenge_reason reason)
{
    c->state = state;
    c->reason = reason;
    snprintf(c->frame, sizeof c->frame, "%s", seen->frame);
}

static void fail(struct challenge *c, const struct challenge_seen *seen,
                 enum challenge_reason reason)
{
    end(c, seen, CHALLENGE_FAILED, reason);
}

/* What breaks the challenge whatever the person does. */
static enum challenge_reason broken(const struct challenge *c, const struct challenge_seen *seen)
{
    if (seen->received_at > c->expires_at)
        return CHALLENGE_REASON_EXPIRED;
    if (c->state == CHALLENGE_ACT && seen->received_at > challenge_deadline(c)) {
        bool blind = c->steps[c->done] == CHALLENGE_BLINK && c->eyes_open < eyes_open_min;
        return blind ? CHALLENGE_REASON_EYES_UNCLEAR : CHALLENGE_REASON_TOO_SLOW;
    }
    if (seen->faces > 1)
        return CHALLENGE_REASON_MANY_FACES;
    if (seen->faces == 1 && seen->student[0] && c->student[0] &&
        strcmp(seen->student, c->student) != 0)
        return CHALLENGE_REASON_OTHER_PERSON;
    return CHALLENGE_REASON_NONE;
}

static bool is_straight(const struct challenge_seen *s) { return fabsf(s->yaw) <= straight_yaw; }
/* Not `>=` turned around: a yaw that is no number is no turn. */
static bool is_turned(const struct challenge_seen *s) { return fabsf(s->yaw) >= turned_yaw; }

static void begin_hold(struct challenge *c)
{
    c->state = CHALLENGE_HOLD;
    c->phase_at = 0;
}

/* The usual of open eyes: follows upwards at once, downwards slowly and never into a blink. */
static void learn_eyes(struct challenge *c, float eyes)
{
    if (!(eyes > 0))
        return;
    if (c->eyes_open <= 0)
        c->eyes_open = eyes;
    else if (eyes > c->eyes_open)
        c->eyes_open = (c->eyes_open + eyes) / 2;
    else if (eyes > open_share * c->eyes_open)
        c->eyes_open += (eyes - c->eyes_open) / 8;
}

static void hold(struct challenge *c, const struct challenge_seen *seen)
{
    if (is_turned(seen) && c->phase_at) {
        fail(c, seen, CHALLENGE_REASON_TOO_EARLY);
        return;
    }
    if (!is_straight(seen))
        return;
    learn_eyes(c, seen->eyes);
    if (c->done == CHALLENGE_STEPS) {
        end(c, seen, CHALLENGE_PASSED, CHALLENGE_REASON_NONE);
        return;
    }
    if (!c->phase_at)
        c->phase_at = seen->received_at;
    if (seen->received_at - c->phase_at < c->holds[c->done])
        return;
    c->state = CHALLENGE_ACT;
    c->phase_at = seen->now;
    c->straight = false;
    c->closed_at = 0;
}

static void step_done(struct challenge *c)
{
    c->done++;
    begin_hold(c);
}

static void act_blink(struct challenge *c, const struct challenge_seen *seen)
{
    usec_t at = seen->received_at;
    if (c->eyes_open < eyes_open_min || isnan(seen->eyes))
        return;
    bool closed = seen->eyes <= closed_share * c->eyes_open;
    bool open = seen->eyes >= open_share * c->eyes_open;
    if (c->closed_at && at - c->closed_at > BLINK_MAX)
        c->closed_at = open ? 0 : c->closed_at; /* too long for a blink: open them first */
    else if (closed && !c->closed_at && c->straight && at - c->phase_at >= REACTION_MIN)
        c->closed_at = at;
    else if (open && c->closed_at)
        step_done(c);
    if (c->state == CHALLENGE_ACT && open && is_straight(seen))
        c->straight = true;
}

static void act_turn(struct challenge *c, const struct challenge_seen *seen)
{
    enum challenge_step turn = seen->yaw > 0 ? CHALLENGE_TURN_LEFT : CHALLENGE_TURN_RIGHT;
    if (seen->received_at - c->phase_at < REACTION_MIN)
        fail(c, seen, CHALLENGE_REASON_TOO_EARLY);
    else if (!c->straight)
        return; /* it may have begun before the step was shown: look straight again first */
    else if (turn != c->steps[c->done])
        fail(c, seen, CHALLENGE_REASON_WRONG_MOVE);
    else
        step_done(c);
}

static void act(struct challenge *c, const struct challenge_seen *seen)
{
    if (is_turned(seen))
        act_turn(c, seen);
    else if (c->steps[c->done] == CHALLENGE_BLINK)
        act_blink(c, seen);
    else if (is_straight(seen) && seen->received_at >= c->phase_at)
        c->straight = true;
}

void challenge_advance(struct challenge *c, const struct challenge_seen *seen)
{
    if (ended(c) || seen->received_at <= c->last_at)
        return;
    c->last_at = seen->received_at;
    enum challenge_reason reason = broken(c, seen);
    if (reason) {
        fail(c, seen, reason);
        return;
    }
    if (seen->faces != 1 || !seen->student[0])
        return;
    if (!c->student[0])
        snprintf(c->student, sizeof c->student, "%s", seen->student);
    if (c->state == CHALLENGE_HOLD)
        hold(c, seen);
    else
        act(c, seen);
}

const char *challenge_step_word(const struct challenge *c)
{
    if (ended(c))
        return "";
    return c->state == CHALLENGE_HOLD ? CHALLENGE_STRAIGHT_WORD : steps[c->steps[c->done]].word;
}

const char *challenge_sentence(const struct challenge *c)
{
    if (c->state == CHALLENGE_HOLD)
        return "Look straight into the camera.";
    if (c->state == CHALLENGE_ACT)
        return steps[c->steps[c->done]].sentence;
    return c->state == CHALLENGE_PASSED ? "Thank you." : reasons[c->reason].sentence;
}

usec_t challenge_deadline(const struct challenge *c)
{
    return c->state == CHALLENGE_ACT ? c->phase_at + STEP_LIMIT : c->expires_at;
}

const char *challenge_state_word(const struct challenge *c)
{
    if (c->state == CHALLENGE_PASSED)
        return "passed";
    return c->state == CHALLENGE_FAILED ? "failed" : "running";
}

const char *challenge_reason_word(enum challenge_reason reason) { return reasons[reason].word; }

void challenge_show(const struct challenge *c, const char *id, struct event_challenge *ret_event)
{
    *ret_event = (struct event_challenge){.state = str_from(challenge_state_word(c)),
                                          .prompt = str_from(challenge_sentence(c)),
                                          .done = c->done,
                                          .steps = CHALLENGE_STEPS,
                                          .deadline = challenge_deadline(c),
                                          .expires_at = c->expires_at};
    memcpy(ret_event->challenge, id, ID_TEXT);
    if (!ended(c))
        ret_event->step = str_from(challenge_step_word(c));
    if (c->state == CHALLENGE_FAILED)
        ret_event->reason = str_from(reasons[c->reason].word);
}

struct str challenge_bytes(const struct challenge *c)
{
    return (struct str){(const char *)c, sizeof *c};
}

enum err challenge_read(struct str bytes, struct challenge *ret_challenge, struct error *e)
{
    struct challenge c;
    if (bytes.n != sizeof c)
        return error_set(e, ERR_CORRUPT, "a challenge has %zu bytes", bytes.n);
    memcpy(&c, bytes.p, sizeof c);
    bool steps_known = c.done >= 0 && c.done <= CHALLENGE_STEPS;
    for (int i = 0; i < CHALLENGE_STEPS; i++)
        steps_known = steps_known && (unsigned)c.steps[i] < CHALLENGE_STEP_N;
    bool act_in_range = c.state != CHALLENGE_ACT || c.done < CHALLENGE_STEPS;
    if (c.magic != CHALLENGE_MAGIC || !steps_known || !act_in_range ||
        (unsigned)c.state > CHALLENGE_FAILED || (unsigned)c.reason >= CHALLENGE_REASON_N ||
        c.session[ID_TEXT - 1] || c.student[ID_TEXT - 1] || c.frame[ID_TEXT - 1])
        return error_set(e, ERR_CORRUPT, "a challenge of another version or damaged");
    memcpy(ret_challenge, &c, sizeof c);
    return ERR_OK;
}

void challenge_key(const char *id, char ret_key[static CHALLENGE_KEY])
{
    snprintf(ret_key, CHALLENGE_KEY, "challenge:%s", id);
}
