/* Tests of queue/work: what is packed comes back, what is damaged is told. */
#include "queue/work.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct work sample(struct str image)
{
    struct work w = {.kind = WORK_FRAME,
                     .frame = {.captured_at = 123, .received_at = 456, .offline = true}};
    id_new(w.frame.session.text);
    id_new(w.frame.frame.text);
    id_new(w.frame.camera.text);
    id_new(w.frame.challenge);
    w.frame.image = image;
    return w;
}

static void a_frame_comes_back_as_it_was(void **state)
{
    (void)state;
    static const struct str images[] = {STR("\xFF\xD8 pixels \0 and more"), STR("")};
    for (size_t i = 0; i < ARRAY_LEN(images); i++) {
        _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
        struct work in = sample(images[i]), out;
        struct str bytes;
        assert_int_equal(work_pack(a, &in, &bytes, NULL), ERR_OK);
        assert_int_equal(work_unpack(bytes, &out, NULL), ERR_OK);
        assert_int_equal(out.kind, WORK_FRAME);
        assert_string_equal(out.frame.session.text, in.frame.session.text);
        assert_string_equal(out.frame.frame.text, in.frame.frame.text);
        assert_string_equal(out.frame.camera.text, in.frame.camera.text);
        assert_string_equal(out.frame.challenge, in.frame.challenge);
        assert_true(out.frame.captured_at == 123 && out.frame.received_at == 456);
        assert_true(out.frame.offline && !out.frame.still);
        in.frame.still = true;
        in.frame.offline = false;
        assert_int_equal(work_pack(a, &in, &bytes, NULL), ERR_OK);
        assert_int_equal(work_unpack(bytes, &out, NULL), ERR_OK);
        assert_true(out.frame.still && !out.frame.offline);
        assert_true(str_eq(out.frame.image, images[i]));
    }
}

static void a_notice_of_a_job_carries_its_id(void **state)
{
    (void)state;
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    struct work in = {.kind = WORK_ENROL}, out;
    struct str bytes;
    id_new(in.job);
    assert_int_equal(work_pack(a, &in, &bytes, NULL), ERR_OK);
    assert_int_equal(work_unpack(bytes, &out, NULL), ERR_OK);
    assert_int_equal(out.kind, WORK_ENROL);
    assert_string_equal(out.job, in.job);
    assert_true(id_is_empty(out.frame.camera.text));
}

static void the_bytes_hold_no_pointer_into_the_sender(void **state)
{
    (void)state;
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    char image[] = "picture";
    struct work in = sample(str_from(image)), out;
    struct str bytes;
    assert_int_equal(work_pack(a, &in, &bytes, NULL), ERR_OK);
    memset(image, 'X', sizeof image - 1);
    memset(&in, 0, sizeof in);
    assert_int_equal(work_unpack(bytes, &out, NULL), ERR_OK);
    assert_true(str_is(out.frame.image, "picture"));
}

static void every_cut_is_corrupt(void **state)
{
    (void)state;
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    struct work in = sample(STR("picture")), out;
    struct str bytes;
    assert_int_equal(work_pack(a, &in, &bytes, NULL), ERR_OK);
    for (size_t n = 0; n < bytes.n; n++)
        assert_int_equal(work_unpack((struct str){bytes.p, n}, &out, NULL), ERR_CORRUPT);
}

static void another_magic_kind_or_unterminated_id_is_corrupt(void **state)
{
    (void)state;
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    struct work in = sample(STR("")), out;
    struct str bytes;
    assert_int_equal(work_pack(a, &in, &bytes, NULL), ERR_OK);
    const size_t ids_at = bytes.n - 5 * ID_TEXT - (bytes.n - 5 * ID_TEXT) % 8;
    const struct {
        size_t at;
        char value;
    } damage[] = {{0, 9},
                  {4, 77},
                  {ids_at + ID_TEXT - 1, 'x'},
                  {ids_at + 2 * ID_TEXT - 1, 'x'},
                  {ids_at + 5 * ID_TEXT - 1, 'x'}};
    for (size_t i = 0; i < ARRAY_LEN(damage); i++) {
        struct str copy = arena_copy(a, bytes);
        ((char *)(uintptr_t)copy.p)[damage[i].at] = damage[i].value;
        assert_int_equal(work_unpack(copy, &out, NULL), ERR_CORRUPT);
    }
}

static void a_tag_names_session_and_frame(void **state)
{
    (void)state;
    struct work w = sample(STR(""));
    struct session_id session;
    struct frame_id frame;
    char tag[WORK_TAG];
    work_tag(&w.frame, tag);
    assert_int_equal(work_tag_parse(str_from(tag), &session, &frame, NULL), ERR_OK);
    assert_string_equal(session.text, w.frame.session.text);
    assert_string_equal(frame.text, w.frame.frame.text);
    assert_int_not_equal(work_tag_parse(STR("short"), &session, &frame, NULL), ERR_OK);
    tag[5] = '!';
    assert_int_not_equal(work_tag_parse(str_from(tag), &session, &frame, NULL), ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_comes_back_as_it_was),
        cmocka_unit_test(a_notice_of_a_job_carries_its_id),
        cmocka_unit_test(the_bytes_hold_no_pointer_into_the_sender),
        cmocka_unit_test(every_cut_is_corrupt),
        cmocka_unit_test(another_magic_kind_or_unterminated_id_is_corrupt),
        cmocka_unit_test(a_tag_names_session_and_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
