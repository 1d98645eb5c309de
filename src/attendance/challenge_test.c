/* Tests of attendance/challenge: films of what a camera might see, frame by frame. */
#include "attendance/challenge.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define MS USEC_PER_MSEC
#define EPOCH (1000 * USEC_PER_SEC)

enum { FRAMES_MAX = 40 };
#define LEFT CHALLENGE_TURN_LEFT
#define RIGHT CHALLENGE_TURN_RIGHT

static const char ann[] = "0198c5a2-7c1e-7d3a-8f00-2b1c9e4d5f60";
static const char bob[] = "0198c5a2-7c1e-7d3a-8f00-2b1c9e4d5f61";

/* One frame of a film; the zero frame ends it. */
struct shot {
    int at_ms; /* received, after the challenge was issued; judged at once */
    float yaw;
    const char *who;
    float eyes;
    int faces;
};

#define NOBODY ""
#define NO_FACE 0

/* Each step comes after 1 s of looking straight. */
static struct challenge a_challenge(enum challenge_step a, enum challenge_step b,
                                    enum challenge_step c)
{
    struct challenge x;
    struct session_id session = {"0198c5a2-7c1e-7d3a-8f00-2b1c9e4d5f62"};
    challenge_issue(&x, &(struct challenge_seed){{0}, {0}}, false, session, EPOCH);
    x.steps[0] = a;
    x.steps[1] = b;
    x.steps[2] = c;
    x.holds[0] = x.holds[1] = x.holds[2] = 1000 * MS;
    return x;
}

static void show(struct challenge *c, const struct shot *shot)
{
    char frame[ID_TEXT];
    snprintf(frame, sizeof frame, "%d", shot->at_ms);
    const struct challenge_seen seen = {.frame = frame,
                                        .received_at = EPOCH + shot->at_ms * MS,
                                        .now = EPOCH + shot->at_ms * MS,
                                        .faces = shot->faces,
                                        .student = shot->who,
                                        .yaw = shot->yaw,
                                        .eyes = shot->eyes};
    challenge_advance(c, &seen);
}

/* The film's end: "passed", "failed:REASON" or "running:STEP:DONE". */
static const char *play(struct challenge c, const struct shot *shots, char text[static 64])
{
    for (int i = 0; i < FRAMES_MAX && shots[i].who; i++)
        show(&c, &shots[i]);
    if (c.state == CHALLENGE_FAILED)
        snprintf(text, 64, "failed:%s", challenge_reason_word(c.reason));
    else if (c.state == CHALLENGE_PASSED)
        snprintf(text, 64, "passed");
    else
        snprintf(text, 64, "running:%s:%d", challenge_step_word(&c), c.done);
    return text;
}

#define STRAIGHT(at)                                                                               \
    {                                                                                              \
        at, 2, ann, .45f, 1                                                                        \
    }
#define TURN_L(at)                                                                                 \
    {                                                                                              \
        at, 31, ann, .45f, 1                                                                       \
    }
#define TURN_R(at)                                                                                 \
    {                                                                                              \
        at, -31, ann, .45f, 1                                                                      \
    }
#define SHUT(at)                                                                                   \
    {                                                                                              \
        at, 2, ann, .2f, 1                                                                         \
    }
/* Straight until the step is shown at 1000 ms, and still so a moment later. */
#define SHOWN STRAIGHT(0), STRAIGHT(500), STRAIGHT(1000), STRAIGHT(1200)

static void films_of_turns_end_as_they_should(void **state)
{
    (void)state;
    static const struct {
        const char *name, *end;
        struct shot shots[FRAMES_MAX];
    } films[] = {
        {"a person who does as told",
         "passed",
         {SHOWN, TURN_L(1800), TURN_L(2000), STRAIGHT(2400), STRAIGHT(3400), STRAIGHT(3600),
          TURN_R(4200), STRAIGHT(4600), STRAIGHT(5600), STRAIGHT(5800), TURN_L(6200),
          STRAIGHT(6800)}},
        {"the last step needs a straight frame after it",
         "running:look_straight:3",
         {SHOWN, TURN_L(1800), STRAIGHT(2400), STRAIGHT(3400), STRAIGHT(3600), TURN_R(4200),
          STRAIGHT(4600), STRAIGHT(5600), STRAIGHT(5800), TURN_L(6200), TURN_L(6300)}},
        {"a photograph", "failed:too_slow", {SHOWN, STRAIGHT(3000), STRAIGHT(5001)}},
        {"the limit of a step is 4 s", "running:turn_left:0", {SHOWN, STRAIGHT(5000)}},
        {"a turn after the limit", "failed:too_slow", {SHOWN, TURN_L(5001)}},
        {"a turn at the limit", "running:look_straight:1", {SHOWN, TURN_L(5000)}},
        {"a recording that turns while it should hold",
         "failed:too_early",
         {STRAIGHT(0), STRAIGHT(500), TURN_L(900)}},
        {"a recording that turns the moment the step is shown",
         "failed:too_early",
         {STRAIGHT(0), STRAIGHT(1000), STRAIGHT(1100), TURN_L(1249)}},
        {"a quick person",
         "running:look_straight:1",
         {STRAIGHT(0), STRAIGHT(1000), STRAIGHT(1100), TURN_L(1250)}},
        {"the other way", "failed:wrong_move", {SHOWN, TURN_R(1800)}},
        {"the other way at the second step",
         "failed:wrong_move",
         {SHOWN, TURN_L(1800), STRAIGHT(2400), STRAIGHT(3400), STRAIGHT(3600), TURN_L(4200)}},
        {"no straight frame since the step was shown: the turn may be older than the step",
         "running:turn_left:0",
         {STRAIGHT(0), STRAIGHT(1000), TURN_L(1400), TURN_L(1800)}},
        {"... and counts after one",
         "running:look_straight:1",
         {STRAIGHT(0), STRAIGHT(1000), TURN_L(1400), STRAIGHT(2000), TURN_L(2400)}},
        {"a head that never looks straight",
         "running:look_straight:0",
         {TURN_L(0), TURN_L(500), TURN_L(1000), TURN_L(1500), TURN_R(2000)}},
        {"a face between straight and turned counts as neither",
         "running:turn_left:0",
         {SHOWN,
          {1800, 24.9f, ann, .4f, 1},
          {2000, -24.9f, ann, .4f, 1},
          {2200, 15.1f, ann, .4f, 1}}},
        {"still turned when the next hold begins",
         "running:look_straight:1",
         {SHOWN, TURN_L(1800), TURN_L(2000), TURN_L(2400)}},
        {"another known person", "failed:other_person", {STRAIGHT(0), {500, 2, bob, .4f, 1}}},
        {"another person does the turn", "failed:other_person", {SHOWN, {1800, 31, bob, .4f, 1}}},
        {"somebody unknown does the turn",
         "running:turn_left:0",
         {SHOWN, {1800, 31, NOBODY, .4f, 1}}},
        {"... the other way: it is not judged",
         "running:turn_left:0",
         {SHOWN, {1800, -31, NOBODY, .4f, 1}}},
        {"somebody unknown holds",
         "running:look_straight:0",
         {{0, 2, NOBODY, .4f, 1}, {500, 2, NOBODY, .4f, 1}, {2000, 2, NOBODY, .4f, 1}}},
        {"two people", "failed:many_faces", {STRAIGHT(0), {500, 2, ann, .4f, 2}}},
        {"no face now and then",
         "running:turn_left:0",
         {STRAIGHT(0), {500, 0, NOBODY, .4f, NO_FACE}, STRAIGHT(1000)}},
        {"no face at all", "failed:too_slow", {SHOWN, {5001, 0, NOBODY, .4f, NO_FACE}}},
        {"nobody comes", "failed:expired", {{45001, 0, NOBODY, .4f, NO_FACE}}},
        {"a pose that is no number", "running:turn_left:0", {SHOWN, {1800, NAN, ann, .4f, 1}}},
        {"frames out of order change nothing",
         "running:turn_left:0",
         {SHOWN, TURN_R(1100), TURN_R(1200)}},
    };
    for (size_t i = 0; i < ARRAY_LEN(films); i++) {
        char end[64];
        const char *got = play(a_challenge(LEFT, RIGHT, LEFT), films[i].shots, end);
        if (strcmp(got, films[i].end) != 0)
            fail_msg("%s: %s, not %s", films[i].name, got, films[i].end);
    }
}

static void films_of_blinks_end_as_they_should(void **state)
{
    (void)state;
    static const struct {
        const char *name, *end;
        struct shot shots[FRAMES_MAX];
    } films[] = {
        {"a blink", "running:look_straight:1", {SHOWN, SHUT(1800), STRAIGHT(2000)}},
        {"a long blink",
         "running:look_straight:1",
         {SHOWN, SHUT(1800), SHUT(2000), SHUT(2400), STRAIGHT(2800)}},
        {"eyes that stay closed", "running:blink:0", {SHOWN, SHUT(1800), SHUT(3000)}},
        {"too long for a blink", "running:blink:0", {SHOWN, SHUT(1800), STRAIGHT(2801)}},
        {"... and then a blink",
         "running:look_straight:1",
         {SHOWN, SHUT(1800), STRAIGHT(2900), SHUT(3200), STRAIGHT(3400)}},
        {"half closed is not closed",
         "running:blink:0",
         {SHOWN, {1800, 2, ann, .3f, 1}, STRAIGHT(2000)}},
        {"a blink before anybody can react",
         "running:blink:0",
         {STRAIGHT(0), STRAIGHT(1000), STRAIGHT(1100), SHUT(1200), STRAIGHT(1400)}},
        {"closed already when the step is shown",
         "running:blink:0",
         {STRAIGHT(0), STRAIGHT(1000), SHUT(1300), STRAIGHT(1500)}},
        {"a blink while holding is nobody's fault",
         "running:blink:0",
         {STRAIGHT(0), SHUT(300), STRAIGHT(500), STRAIGHT(1000)}},
        {"a photograph", "failed:too_slow", {SHOWN, STRAIGHT(3000), STRAIGHT(5001)}},
        {"eyes that open wider later set the measure",
         "running:blink:0",
         {{0, 2, ann, .3f, 1},
          {500, 2, ann, .5f, 1},
          STRAIGHT(1000),
          STRAIGHT(1200),
          {1800, 2, ann, .29f, 1}, /* closed for .45, not for .3 */
          {2000, 2, ann, .3f, 1}}},
        {"a frame whose eyes were not measured is left out",
         "running:look_straight:1",
         {SHOWN, {1700, 2, ann, NAN, 1}, SHUT(1800), {1900, 2, ann, NAN, 1}, STRAIGHT(2000)}},
        {"open eyes aside do not prepare a blink",
         "running:blink:0",
         {STRAIGHT(0), STRAIGHT(1000), {1200, 20, ann, .45f, 1}, SHUT(1800), STRAIGHT(2000)}},
        {"a turn instead", "failed:wrong_move", {SHOWN, TURN_L(1800)}},
        {"another person's blink", "failed:other_person", {SHOWN, {1800, 2, bob, .2f, 1}}},
        {"eyes that cannot be measured",
         "failed:eyes_unclear",
         {{0, 2, ann, NAN, 1},
          {1000, 2, ann, NAN, 1},
          {1300, 2, ann, NAN, 1},
          {5001, 2, ann, NAN, 1}}},
        {"eyes behind dark glasses",
         "failed:eyes_unclear",
         {{0, 2, ann, .1f, 1},
          {1000, 2, ann, .1f, 1},
          {1300, 2, ann, .01f, 1},
          {1500, 2, ann, .1f, 1},
          {5001, 2, ann, .1f, 1}}},
    };
    for (size_t i = 0; i < ARRAY_LEN(films); i++) {
        char end[64];
        const char *got = play(a_challenge(CHALLENGE_BLINK, LEFT, RIGHT), films[i].shots, end);
        if (strcmp(got, films[i].end) != 0)
            fail_msg("%s: %s, not %s", films[i].name, got, films[i].end);
    }
}

/* What a person does when told, whatever the order; the same film is right for one order only. */
static void a_recording_of_one_order_fails_in_every_other(void **state)
{
    (void)state;
    static const struct shot film[FRAMES_MAX] = {
        SHOWN,          TURN_L(1800), STRAIGHT(2400), STRAIGHT(3400),
        STRAIGHT(3600), TURN_R(4200), STRAIGHT(4600), STRAIGHT(5600),
        STRAIGHT(5800), TURN_L(6200), STRAIGHT(6800),
    };
    for (int order = 0; order < 8; order++) {
        char end[64];
        enum challenge_step s[3];
        for (int i = 0; i < 3; i++)
            s[i] = order >> i & 1 ? RIGHT : LEFT;
        const char *got = play(a_challenge(s[0], s[1], s[2]), film, end);
        assert_string_equal(got, order == 2 ? "passed" : "failed:wrong_move");
    }
}

/* The right order is not enough: the steps come at times that nobody knew when it was taken. */
static void a_recording_with_other_times_fails(void **state)
{
    (void)state;
    static const struct shot film[FRAMES_MAX] = {
        SHOWN,          TURN_L(1800), STRAIGHT(2400), STRAIGHT(3400),
        STRAIGHT(3600), TURN_R(4200), STRAIGHT(4600), STRAIGHT(5600),
        STRAIGHT(5800), TURN_L(6200), STRAIGHT(6800),
    };
    char end[64];
    struct challenge c = a_challenge(LEFT, RIGHT, LEFT);
    c.holds[0] = 1600 * MS; /* shown later: the turn comes during the hold */
    assert_string_equal(play(c, film, end), "failed:too_early");
    c = a_challenge(LEFT, RIGHT, LEFT);
    c.holds[1] = 1600 * MS;
    assert_string_equal(play(c, film, end), "failed:too_early");
}

static void a_step_is_shown_when_the_frame_is_judged_not_when_it_came(void **state)
{
    (void)state;
    struct challenge c = a_challenge(LEFT, RIGHT, LEFT);
    struct challenge_seen seen = {.frame = "a", .faces = 1, .student = ann, .eyes = NAN};
    seen.received_at = seen.now = EPOCH;
    challenge_advance(&c, &seen);
    seen.received_at = EPOCH + 1000 * MS;
    seen.now = EPOCH + 1700 * MS; /* the worker was busy */
    challenge_advance(&c, &seen);
    assert_int_equal(c.state, CHALLENGE_ACT);
    assert_true(challenge_deadline(&c) == EPOCH + 5700 * MS);
    seen.received_at = EPOCH + 1500 * MS; /* on its way before the step was shown */
    seen.yaw = 40;
    challenge_advance(&c, &seen);
    assert_int_equal(c.reason, CHALLENGE_REASON_TOO_EARLY);
}

static void looking_straight_before_the_step_was_shown_does_not_count(void **state)
{
    (void)state;
    struct challenge c = a_challenge(LEFT, RIGHT, LEFT);
    struct challenge_seen seen = {.frame = "a", .faces = 1, .student = ann, .eyes = NAN};
    seen.received_at = seen.now = EPOCH;
    challenge_advance(&c, &seen);
    seen.received_at = EPOCH + 1000 * MS;
    seen.now = EPOCH + 1700 * MS; /* the worker was busy */
    challenge_advance(&c, &seen);
    seen.received_at = EPOCH + 1500 * MS; /* on its way before the step was shown */
    challenge_advance(&c, &seen);
    assert_false(c.straight);
    seen.received_at = EPOCH + 1700 * MS;
    challenge_advance(&c, &seen);
    assert_true(c.straight);
}

static void what_is_shown_tells_each_state_and_no_step_to_come(void **state)
{
    (void)state;
    static const struct shot film[] = {STRAIGHT(0),    STRAIGHT(1000), STRAIGHT(1200), TURN_L(1800),
                                       STRAIGHT(2400), STRAIGHT(3400), STRAIGHT(3600), TURN_R(4200),
                                       STRAIGHT(4600), STRAIGHT(5600), STRAIGHT(5800), TURN_L(6200),
                                       STRAIGHT(6800), TURN_R(7000)};
    static const char *const step[] = {"look_straight",
                                       "turn_left",
                                       "turn_left",
                                       "look_straight",
                                       "look_straight",
                                       "turn_right",
                                       "turn_right",
                                       "look_straight",
                                       "look_straight",
                                       "turn_left",
                                       "turn_left",
                                       "look_straight",
                                       "",
                                       ""};
    struct challenge c = a_challenge(LEFT, RIGHT, LEFT);
    for (size_t i = 0; i < ARRAY_LEN(film); i++) {
        struct event_challenge shown;
        bool over = i >= 12;
        show(&c, &film[i]);
        challenge_show(&c, bob, &shown);
        assert_string_equal(shown.challenge, bob);
        assert_true(over ? !shown.step.p : str_is(shown.step, step[i]));
        assert_string_equal(challenge_step_word(&c), step[i]);
        assert_true(str_is(shown.state, over ? "passed" : "running"));
        assert_null(shown.reason.p);
        assert_true(shown.prompt.n > 5 && str_is(shown.prompt, challenge_sentence(&c)));
        assert_int_equal(shown.expires_at, EPOCH + 45000 * MS);
        assert_int_equal(shown.deadline == shown.expires_at, c.state != CHALLENGE_ACT);
        assert_int_equal(shown.done, c.done);
        assert_int_equal(shown.steps, CHALLENGE_STEPS);
    }
    assert_string_equal(challenge_sentence(&c), "Thank you.");
    assert_string_equal(c.frame, "6800"); /* the one after the end changed nothing */
    struct event_challenge failed;
    c = a_challenge(LEFT, RIGHT, LEFT);
    show(&c, &(struct shot){500, 2, ann, .4f, 2});
    challenge_show(&c, ann, &failed);
    assert_true(str_is(failed.state, "failed") && str_is(failed.reason, "many_faces"));
    assert_null(failed.step.p);
}

static void a_challenge_has_a_place_of_its_own(void **state)
{
    (void)state;
    char key[CHALLENGE_KEY];
    challenge_key(ann, key);
    assert_string_equal(key, "challenge:0198c5a2-7c1e-7d3a-8f00-2b1c9e4d5f60");
}

static void an_end_is_final_and_names_its_frame(void **state)
{
    (void)state;
    struct challenge c = a_challenge(LEFT, RIGHT, LEFT);
    static const struct shot film[] = {SHOWN, TURN_R(1800), STRAIGHT(2400), TURN_L(2800)};
    for (size_t i = 0; i < ARRAY_LEN(film); i++)
        show(&c, &film[i]);
    assert_int_equal(c.state, CHALLENGE_FAILED);
    assert_int_equal(c.reason, CHALLENGE_REASON_WRONG_MOVE);
    assert_string_equal(c.frame, "1800");
    assert_string_equal(challenge_step_word(&c), "");
    assert_string_equal(challenge_state_word(&c), "failed");
    assert_true(strlen(challenge_sentence(&c)) > 10);
}

static void every_order_is_drawn_and_nothing_else(void **state)
{
    (void)state;
    struct session_id session = {"0198c5a2-7c1e-7d3a-8f00-2b1c9e4d5f62"};
    for (int blinks = 0; blinks < 2; blinks++) {
        int drawn[27] = {0}, orders = 0;
        for (uint32_t i = 0; i < 1000; i++) {
            struct challenge c;
            const struct challenge_seed seed = {{i, i / 7, i / 49},
                                                {i * 2654435761u, UINT32_MAX - i, i}};
            challenge_issue(&c, &seed, blinks, session, EPOCH);
            for (int k = 0; k < CHALLENGE_STEPS; k++) {
                assert_true(blinks || c.steps[k] != CHALLENGE_BLINK);
                assert_true(!blinks || k == 0 || c.steps[k] != c.steps[k - 1]);
                assert_in_range(c.holds[k], 400 * MS, 1600 * MS);
            }
            drawn[c.steps[0] * 9 + c.steps[1] * 3 + c.steps[2]]++;
            assert_string_equal(challenge_step_word(&c), CHALLENGE_STRAIGHT_WORD);
        }
        for (int i = 0; i < 27; i++)
            orders += drawn[i] > 0;
        assert_int_equal(orders, blinks ? 12 : 8);
    }
}

static void the_bytes_come_back_or_are_corrupt(void **state)
{
    (void)state;
    struct challenge c = a_challenge(LEFT, RIGHT, LEFT), back;
    show(&c, &(struct shot)STRAIGHT(0));
    struct str bytes = challenge_bytes(&c);
    assert_int_equal(challenge_read(bytes, &back, NULL), ERR_OK);
    assert_memory_equal(&back, &c, sizeof c);
    for (size_t n = 0; n < bytes.n; n++)
        assert_int_equal(challenge_read((struct str){bytes.p, n}, &back, NULL), ERR_CORRUPT);
    struct challenge bad[10];
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        bad[i] = c;
    bad[0].magic++;
    bad[1].done = CHALLENGE_STEPS + 1;
    bad[2].done = -1;
    bad[3].student[ID_TEXT - 1] = 'x';
    memset(&bad[4].steps[1], 0x7f, sizeof bad[4].steps[1]);
    bad[5].state = CHALLENGE_ACT;
    bad[5].done = CHALLENGE_STEPS;
    memset(&bad[6].state, 0x7f, sizeof bad[6].state);
    memset(&bad[7].reason, 0x7f, sizeof bad[7].reason);
    bad[8].session[ID_TEXT - 1] = 'x';
    bad[9].frame[ID_TEXT - 1] = 'x';
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(challenge_read(challenge_bytes(&bad[i]), &back, NULL), ERR_CORRUPT);
    c.state = CHALLENGE_ACT;
    assert_int_equal(challenge_read(challenge_bytes(&c), &back, NULL), ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(films_of_turns_end_as_they_should),
        cmocka_unit_test(films_of_blinks_end_as_they_should),
        cmocka_unit_test(a_recording_of_one_order_fails_in_every_other),
        cmocka_unit_test(a_recording_with_other_times_fails),
        cmocka_unit_test(a_step_is_shown_when_the_frame_is_judged_not_when_it_came),
        cmocka_unit_test(looking_straight_before_the_step_was_shown_does_not_count),
        cmocka_unit_test(what_is_shown_tells_each_state_and_no_step_to_come),
        cmocka_unit_test(a_challenge_has_a_place_of_its_own),
        cmocka_unit_test(an_end_is_final_and_names_its_frame),
        cmocka_unit_test(every_order_is_drawn_and_nothing_else),
        cmocka_unit_test(the_bytes_come_back_or_are_corrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
