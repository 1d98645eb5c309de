/* The active liveness challenge of a kiosk: is this a person who reacts, or a picture of one?
 *
 * A challenge is three steps in random order (turn left, turn right, blink). Before each step the
 * person looks straight into the camera for a random time (HOLD); then the step is shown (ACT) and
 * has to be seen within a limit, after a frame that shows the person still straight, and not sooner
 * than anybody can react. A recording does not know when the step will be shown, nor which: it
 * moves too early, the wrong way, or too late. After the last step one more straight frame ends it:
 * the frame that makes the mark shows the whole face.
 *
 *     HOLD  straight for the random time -> ACT    the step, in time -> HOLD for the next
 *     HOLD  after the last step: straight -> PASSED
 *     any   a rule broken (enum challenge_reason) -> FAILED
 *
 * All times are the server's: a camera's clock is never asked. What it stops (photographs in the
 * hand, recordings) and what not (a face generated live to order): docs/recognition.md.
 * Pure rules on plain data: no clock, no random numbers, no I/O. Thread: any. */
#pragma once

#include "attendance/event.h"

/* Stable words in the API, and what the person is told. Left and right are the person's own. */
#define CHALLENGE_STEP_MAP(X)                                                                      \
    X(TURN_LEFT, "turn_left", "Turn your head to your left.")                                      \
    X(TURN_RIGHT, "turn_right", "Turn your head to your right.")                                   \
    X(BLINK, "blink", "Close your eyes for a moment and open them again.")

enum challenge_step {
#define X(code, word, sentence) CHALLENGE_##code,
    CHALLENGE_STEP_MAP(X)
#undef X
};
enum { CHALLENGE_STEP_N = CHALLENGE_BLINK + 1, CHALLENGE_STEPS = 3 };

/* What is shown while the person is to look straight. */
#define CHALLENGE_STRAIGHT_WORD "look_straight"

enum challenge_state { CHALLENGE_HOLD, CHALLENGE_ACT, CHALLENGE_PASSED, CHALLENGE_FAILED };

/* Why a challenge failed. Stable words in the API. */
#define CHALLENGE_REASON_MAP(X)                                                                    \
    X(NONE, "", "")                                                                                \
    X(TOO_EARLY, "too_early", "You moved before you were asked to. Please start again.")           \
    X(WRONG_MOVE, "wrong_move", "That was another movement. Please start again.")                  \
    X(TOO_SLOW, "too_slow", "The movement was not seen in time. Please start again.")              \
    X(EYES_UNCLEAR, "eyes_unclear",                                                                \
      "Your eyes could not be seen well enough. Come closer, and start again.")                    \
    X(OTHER_PERSON, "other_person", "The person changed. Please start again, one at a time.")      \
    X(MANY_FACES, "many_faces", "Only one person may stand in front of the camera.")               \
    X(EXPIRED, "expired", "The challenge is over. Please start again.")

enum challenge_reason {
#define X(code, word, sentence) CHALLENGE_REASON_##code,
    CHALLENGE_REASON_MAP(X)
#undef X
};
enum { CHALLENGE_REASON_N = CHALLENGE_REASON_EXPIRED + 1 };

/* All of a challenge, as the bus keeps it: bytes that another process of the same version reads
 * (challenge_read). The steps to come are never told. */
struct challenge {
    uint32_t magic;
    enum challenge_state state;
    enum challenge_reason reason; /* FAILED */
    enum challenge_step steps[CHALLENGE_STEPS];
    usec_t holds[CHALLENGE_STEPS]; /* how long to look straight before each */
    int done;                      /* steps seen */
    usec_t issued_at, expires_at;
    usec_t phase_at;  /* HOLD: the first straight frame of this phase, 0: none yet; ACT: shown */
    usec_t last_at;   /* received_at of the newest frame judged */
    usec_t closed_at; /* ACT, blink: since when the eyes are closed; 0: they are not */
    bool straight;    /* ACT: a straight frame came after the step was shown */
    float eyes_open;  /* the person's own open eyes, from straight frames; 0: not seen */
    char session[ID_TEXT];
    char student[ID_TEXT]; /* who it is about: the first who was recognised; empty: nobody yet */
    char frame[ID_TEXT];   /* PASSED, FAILED: the frame that decided */
};

/* Random bits from the caller (randombytes_buf). */
struct challenge_seed {
    uint32_t steps[CHALLENGE_STEPS], holds[CHALLENGE_STEPS];
};

/* A new challenge of a session at `now`. With blinks no step follows itself; with turns alone it
 * may, or there would be two sequences only. */
void challenge_issue(struct challenge *c, const struct challenge_seed *seed, bool blinks,
                     struct session_id session, usec_t now);

/* What one frame shows. */
struct challenge_seen {
    const char *frame;   /* its id */
    usec_t received_at;  /* when the frame was here, by the server's clock */
    usec_t now;          /* when it is judged: from then on a new step is shown */
    int faces;           /* of a size that could be meant */
    const char *student; /* recognised by the full rule of decide.h and on the roster; or "" */
    float yaw;           /* of the largest face, degrees: vision/quality.h */
    float eyes;          /* openness, vision/eyes.h; NaN: not measured */
};

/* Advances c by one frame. Frames that came before one already judged, frames without a face, and
 * frames in which nobody is recognised change nothing but the clock's verdicts. */
void challenge_advance(struct challenge *c, const struct challenge_seen *seen);

/* What to show now: the word of the step or CHALLENGE_STRAIGHT_WORD, its sentence, and until when;
 * after the end the word is "", the sentence says how it ended. */
const char *challenge_step_word(const struct challenge *c);
const char *challenge_sentence(const struct challenge *c);
usec_t challenge_deadline(const struct challenge *c);
const char *challenge_state_word(const struct challenge *c); /* running, passed, failed */
const char *challenge_reason_word(enum challenge_reason reason);

/* The same as others see it; id is the challenge's. */
void challenge_show(const struct challenge *c, const char *id, struct event_challenge *ret_event);

/* The bytes of c, borrowed from it. */
struct str challenge_bytes(const struct challenge *c);
/* Errors CORRUPT: bytes of another version. */
NODISCARD enum err challenge_read(struct str bytes, struct challenge *ret_challenge,
                                  struct error *e);
/* "challenge:ID", where the bus keeps it, and for how long after its end. */
enum { CHALLENGE_KEY = 64 };
#define CHALLENGE_KEPT (2 * USEC_PER_MIN)
void challenge_key(const char *id, char ret_key[static CHALLENGE_KEY]);
