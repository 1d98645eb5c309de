/* Tests of attendance/event: envelopes on the bus and the JSON that subscribers receive. */
#include "attendance/event.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ID "0198c5a2-7c1e-7d3a-8f00-2b1c9e4d5f60"

static json_t *as_subscribers_see_it(struct arena *a, struct str envelope, int64_t id)
{
    struct event_view view;
    struct str text;
    assert_int_equal(event_unpack(envelope, &view, NULL), ERR_OK);
    assert_int_equal(event_json(a, id, view.json, &text, NULL), ERR_OK);
    json_t *o = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(o);
    return o;
}

static const char *text_of(json_t *o, const char *name)
{
    return json_string_value(json_object_get(o, name));
}

static void an_envelope_keeps_kind_subject_and_body(void **state)
{
    (void)state;
    static const enum event_kind kinds[] = {EVENT_FRAME_RESULT, EVENT_FRAME_DROPPED,
                                            EVENT_MARK_CHANGED, EVENT_SESSION_CHANGED, EVENT_LAG};
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        for (int named = 0; named < 2; named++) {
            struct str envelope;
            struct event_view view;
            assert_int_equal(event_pack_json(a, kinds[i], named ? ID : "", STR("{\"type\":\"x\"}"),
                                             &envelope, NULL),
                             ERR_OK);
            assert_int_equal(event_unpack(envelope, &view, NULL), ERR_OK);
            assert_int_equal(view.kind, kinds[i]);
            assert_string_equal(view.about, named ? ID : "");
            assert_true(str_is(view.json, "{\"type\":\"x\"}"));
        }
}

enum { MANY_FACES = 500, EVENT_BYTES = 64 * KIB };

static void a_result_too_big_for_one_event_loses_faces_without_a_name_first(void **state)
{
    (void)state;
    _cleanup_(arena_freep) struct arena *a = arena_new(16 * MIB);
    static struct event_face faces[MANY_FACES];
    struct event_student someone = {.id = ID, .name = STR("A Name")};
    for (int i = 0; i < MANY_FACES; i++)
        faces[i] = (struct event_face){.box = {(float)i},
                                       .status = STR("unknown"),
                                       .student = i % 10 == 9 ? &someone : NULL,
                                       .similarity = NAN,
                                       .threshold = NAN};
    struct event_frame_result r = {.type = STR("frame_result"),
                                   .session = ID,
                                   .frame = ID,
                                   .faces = faces,
                                   .n_faces = MANY_FACES};
    struct str envelope;
    assert_int_equal(event_pack_result(a, ID, &r, EVENT_BYTES, &envelope, NULL), ERR_OK);
    assert_in_range(envelope.n, EVENT_BYTES / 2, EVENT_BYTES);
    json_t *o = as_subscribers_see_it(a, envelope, 1), *list = json_object_get(o, "faces");
    size_t n = json_array_size(list), named = 0;
    for (size_t i = 0; i < n; i++)
        named += json_is_object(json_object_get(json_array_get(list, i), "student"));
    assert_int_equal(named, MANY_FACES / 10);
    assert_int_equal(json_integer_value(json_object_get(o, "faces_left_out")), MANY_FACES - n);
    json_decref(o);
}

static void a_result_that_fits_keeps_every_face(void **state)
{
    (void)state;
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    struct event_face face = {.status = STR("unknown"), .similarity = NAN, .threshold = NAN};
    struct event_frame_result r = {
        .type = STR("frame_result"), .session = ID, .frame = ID, .faces = &face, .n_faces = 1};
    struct str envelope;
    assert_int_equal(event_pack_result(a, ID, &r, EVENT_BYTES, &envelope, NULL), ERR_OK);
    assert_true(r.n_faces == 1 && r.faces_left_out == 0);
    assert_int_equal(event_pack_result(a, ID, &r, 10, &envelope, NULL), ERR_OK);
    assert_true(r.n_faces == 0 && r.faces_left_out == 1);
}

static void what_is_not_an_envelope_is_corrupt(void **state)
{
    (void)state;
    static const struct str rows[] = {
        STR(""),           STR("R"),         STR("{\"type\":\"frame_result\"}"),
        STR("R" ID),       STR("R" ID "{"),  STR("X" ID "{}"),
        STR("\0" ID "{}"), STR("R" ID "[]"),
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct event_view view;
        assert_int_equal(event_unpack(rows[i], &view, NULL), ERR_CORRUPT);
    }
}

static void the_number_given_at_publish_comes_first(void **state)
{
    (void)state;
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    struct str text;
    assert_int_equal(event_json(a, 42, STR("{\"type\":\"lag\"}"), &text, NULL), ERR_OK);
    assert_true(str_is(text, "{\"id\":42,\"type\":\"lag\"}"));
    assert_int_equal(event_json(a, 0, STR("{\"type\":\"lag\"}"), &text, NULL), ERR_OK);
    assert_true(str_is(text, "{\"type\":\"lag\"}"));
}

static void a_frame_result_shows_each_face_as_decided(void **state)
{
    (void)state;
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    struct event_student ada = {ID, STR("S1"), STR("Ada \"A\" L\xC3\xB8velace")};
    struct event_mark mark = {STR("present"), USEC_PER_SEC};
    struct event_face faces[2] = {
        {.box = {1, 2, 30, 40},
         .score = 0.9,
         .quality = 0.8,
         .status = STR("present"),
         .student = &ada,
         .similarity = 0.75,
         .threshold = 0.7,
         .mark = &mark},
        {.status = STR("low_quality"),
         .flaw = STR("blurred"),
         .similarity = (double)NAN,
         .threshold = (double)NAN},
    };
    struct event_frame_result f = {.type = STR("frame_result"),
                                   .session = ID,
                                   .frame = ID,
                                   .captured_at = 1,
                                   .processed_at = 2,
                                   .width = 640,
                                   .height = 480,
                                   .faces = faces,
                                   .n_faces = 2};
    struct str envelope;
    assert_int_equal(
        event_pack(a, EVENT_FRAME_RESULT, ID, &event_frame_result_schema, &f, &envelope, NULL),
        ERR_OK);
    json_t *o = as_subscribers_see_it(a, envelope, 7);
    assert_int_equal(json_integer_value(json_object_get(o, "id")), 7);
    assert_string_equal(text_of(o, "type"), "frame_result");
    assert_true(json_is_null(json_object_get(o, "camera")));
    json_t *seen = json_object_get(o, "faces");
    assert_int_equal(json_array_size(seen), 2);
    json_t *first = json_array_get(seen, 0), *second = json_array_get(seen, 1);
    assert_string_equal(text_of(json_object_get(first, "student"), "name"),
                        "Ada \"A\" L\xC3\xB8velace");
    assert_string_equal(text_of(json_object_get(first, "mark"), "status"), "present");
    assert_int_equal(json_array_size(json_object_get(first, "landmarks")), 5);
    assert_string_equal(text_of(second, "flaw"), "blurred");
    assert_true(json_is_null(json_object_get(second, "student")));
    assert_true(json_is_null(json_object_get(second, "similarity")));
    assert_true(json_is_null(json_object_get(second, "mark")));
    json_decref(o);
}

static void marks_and_session_changes_are_never_droppable(void **state)
{
    (void)state;
    assert_true(event_droppable(EVENT_FRAME_RESULT));
    assert_true(event_droppable(EVENT_FRAME_DROPPED));
    assert_true(event_droppable(EVENT_LAG));
    assert_false(event_droppable(EVENT_MARK_CHANGED));
    assert_false(event_droppable(EVENT_SESSION_CHANGED));
}

static void every_event_schema_is_listed_once_and_describes_itself(void **state)
{
    (void)state;
    for (int i = 0; i < event_schemas_n; i++) {
        json_t *o = schema_describe(event_schemas[i]);
        assert_non_null(o);
        json_decref(o);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(event_schemas[i]->name, event_schemas[k]->name);
    }
}

static void a_session_change_is_packed_with_its_topic(void **state)
{
    (void)state;
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB), *small = arena_new(8);
    struct session_id session;
    struct str topic, envelope;
    struct event_view view;
    id_new(session.text);
    assert_int_equal(event_pack_session(a, session, STR("closed"), &topic, &envelope, NULL),
                     ERR_OK);
    assert_int_equal(event_unpack(envelope, &view, NULL), ERR_OK);
    assert_int_equal(view.kind, EVENT_SESSION_CHANGED);
    assert_string_equal(view.about, session.text);
    assert_non_null(memmem(view.json.p, view.json.n, "\"closed\"", 8));
    assert_true(str_starts(topic, STR("session:")));
    assert_int_equal(event_pack_session(small, session, STR("closed"), &topic, &envelope, NULL),
                     ERR_NOMEM);
}

static void without_memory_there_is_no_event(void **state)
{
    (void)state;
    _cleanup_(arena_freep) struct arena *a = arena_new(256);
    struct error e = {0};
    struct str text;
    char long_json[512];
    memset(long_json, ' ', sizeof long_json);
    const struct str json = {long_json, sizeof long_json};
    assert_int_equal(event_pack_json(a, EVENT_LAG, "", json, &text, &e), ERR_NOMEM);
    assert_int_equal(event_json(a, 7, json, &text, &e), ERR_NOMEM);
    assert_int_equal(event_json(a, 0, json, &text, &e), ERR_NOMEM);
    struct event_frame_result r = {.type = STR("frame_result"), .session = ID, .frame = ID};
    assert_int_equal(event_pack_result(a, ID, &r, EVENT_BYTES, &text, &e), ERR_NOMEM);
}

static void a_result_without_faces_is_sent_however_long(void **state)
{
    (void)state;
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    struct event_frame_result r = {.type = STR("frame_result"), .session = ID, .frame = ID};
    struct str envelope;
    assert_int_equal(event_pack_result(a, ID, &r, 10, &envelope, NULL), ERR_OK);
    assert_true(envelope.n > 10);
}

static void a_topic_names_its_session(void **state)
{
    (void)state;
    char topic[64];
    event_topic((struct session_id){ID}, topic);
    assert_string_equal(topic, "session:" ID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_envelope_keeps_kind_subject_and_body),
        cmocka_unit_test(a_result_too_big_for_one_event_loses_faces_without_a_name_first),
        cmocka_unit_test(a_result_that_fits_keeps_every_face),
        cmocka_unit_test(what_is_not_an_envelope_is_corrupt),
        cmocka_unit_test(the_number_given_at_publish_comes_first),
        cmocka_unit_test(a_frame_result_shows_each_face_as_decided),
        cmocka_unit_test(marks_and_session_changes_are_never_droppable),
        cmocka_unit_test(every_event_schema_is_listed_once_and_describes_itself),
        cmocka_unit_test(a_session_change_is_packed_with_its_topic),
        cmocka_unit_test(without_memory_there_is_no_event),
        cmocka_unit_test(a_result_without_faces_is_sent_however_long),
        cmocka_unit_test(a_topic_names_its_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
