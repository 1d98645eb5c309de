/* Conformance of the store: what imports read in one pass and write in bulk, and how other systems
 * name what is here. */
#include "store/bulk.h"
#include "store/external_ref.h"
#include "store_suite.h"

#include <stdio.h>

struct tally {
    int n;
    char text[256];
};

static enum err on_student(void *ctx, const struct student *s, struct error *e)
{
    struct tally *t = ctx;
    (void)e;
    t->n++;
    snprintf(t->text + strlen(t->text), sizeof t->text - strlen(t->text), "%.*s=%.*s;",
             STR_ARGS(s->external_id), STR_ARGS(s->name));
    return ERR_OK;
}

static enum err stop_at_once(void *ctx, const struct student *s, struct error *e)
{
    (void)ctx, (void)s;
    return error_set(e, ERR_FULL, "enough");
}

static void a_pass_tells_every_student_and_ends_with_the_first_error(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    make_student(f, cx, "1", "Ada");
    make_student(f, cx, "2", "Zo\xC3\xAB");
    tx_commit(f);
    struct tally t = {0};
    cx = read_begin(f);
    assert_int_equal(bulk_students(cx, on_student, &t, &f->e), ERR_OK);
    assert_int_equal(t.n, 2);
    assert_non_null(strstr(t.text, "1=Ada;"));
    assert_non_null(strstr(t.text, "2=Zo\xC3\xAB;"));
    assert_int_equal(bulk_students(cx, stop_at_once, &t, &f->e), ERR_FULL);
    assert_int_equal(hold_end(f, ERR_OK), ERR_OK);
}

static enum err on_course(void *ctx, const struct course *c, struct error *e)
{
    struct tally *t = ctx;
    (void)e;
    t->n++;
    snprintf(t->text, sizeof t->text, "%.*s/%.*s/%d", STR_ARGS(c->code), STR_ARGS(c->title),
             (int)c->version);
    return ERR_OK;
}

static enum err on_entry(void *ctx, const struct bulk_entry *b, struct error *e)
{
    struct tally *t = ctx;
    (void)e;
    t->n++;
    snprintf(t->text + strlen(t->text), sizeof t->text - strlen(t->text), "%d-%d;",
             (int)b->valid_from, (int)b->valid_to);
    return ERR_OK;
}

static struct bulk_entry entry_of(struct course_id course, struct student_id student, usec_t from,
                                  usec_t to)
{
    struct bulk_entry b = {
        .course = course, .student = student, .valid_from = from, .valid_to = to};
    id_new(b.id);
    return b;
}

static void entries_are_written_in_batches_of_any_size(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct course_id course = make_course(f, cx, "C");
    struct bulk_entry batch[BULK_ENTRIES_MAX];
    for (int n = 1; n <= BULK_ENTRIES_MAX; n++) {
        for (int i = 0; i < n; i++) {
            char name[16];
            snprintf(name, sizeof name, "%d-%d", n, i);
            batch[i] = entry_of(course, make_student(f, cx, name, "A"), 10 * n, n == 1 ? 99 : 0);
        }
        assert_int_equal(bulk_roster_insert(cx, batch, n, &f->e), ERR_OK);
    }
    struct tally courses = {0}, entries = {0};
    assert_int_equal(bulk_courses(cx, on_course, &courses, &f->e), ERR_OK);
    assert_int_equal(courses.n, 1);
    assert_int_equal(strncmp(courses.text, "C/", 2), 0);
    assert_int_equal(bulk_roster(cx, course, on_entry, &entries, &f->e), ERR_OK);
    assert_int_equal(entries.n, BULK_ENTRIES_MAX * (BULK_ENTRIES_MAX + 1) / 2);
    assert_int_equal(strncmp(entries.text, "10-99;20-0;20-0;30-0;", 21), 0);
    int64_t version = 0;
    assert_int_equal(bulk_roster_bump(cx, course, &version, &f->e), ERR_OK);
    assert_int_equal(version, 2);
    tx_commit(f);
}

static void nobody_is_twice_on_a_roster(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct course_id course = make_course(f, cx, "C");
    struct student_id ada = make_student(f, cx, "1", "Ada");
    const struct bulk_entry twice[] = {entry_of(course, ada, 1, 0), entry_of(course, ada, 2, 0)};
    assert_int_equal(bulk_roster_insert(cx, twice, 2, &f->e), ERR_CONFLICT);
    assert_int_equal(hold_end(f, ERR_CONFLICT), ERR_CONFLICT);
}

static void an_end_moves_only_from_what_it_was(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct course_id course = make_course(f, cx, "C");
    const struct bulk_entry b = entry_of(course, make_student(f, cx, "1", "Ada"), 1, 0);
    struct tally t = {0};
    assert_int_equal(bulk_roster_insert(cx, &b, 1, &f->e), ERR_OK);
    assert_int_equal(bulk_roster_end(cx, b.id, 0, 50, &f->e), ERR_OK);
    assert_int_equal(bulk_roster_end(cx, b.id, 0, 60, &f->e), ERR_CONFLICT);
    assert_int_equal(bulk_roster_end(cx, b.id, 50, 0, &f->e), ERR_OK);
    assert_int_equal(bulk_roster(cx, course, on_entry, &t, &f->e), ERR_OK);
    assert_string_equal(t.text, "1-0;");
    tx_commit(f);
}

static enum err on_ref(void *ctx, const struct external_ref *ref, struct error *e)
{
    struct tally *t = ctx;
    (void)e;
    t->n++;
    snprintf(t->text, sizeof t->text, "%d %.*s %s", ref->kind, STR_ARGS(ref->external), ref->id);
    return ERR_OK;
}

static int refs(struct fixture *f, struct db_cx *cx, const char *system, struct tally *t)
{
    *t = (struct tally){0};
    assert_int_equal(external_ref_each(cx, str_from(system), on_ref, t, &f->e), ERR_OK);
    return t->n;
}

static void a_reference_points_to_one_row_and_goes_with_it(void **state)
{
    struct fixture *f = *state;
    struct tally t;
    char want[128];
    struct db_cx *cx = tx_begin(f);
    struct student_id ada = make_student(f, cx, "1", "Ada"), ben = make_student(f, cx, "2", "Ben");
    struct course_id course = make_course(f, cx, "C");
    struct external_ref ref = {.kind = EXTERNAL_STUDENT, .external = STR("x")};
    memcpy(ref.id, ada.text, ID_TEXT);
    assert_int_equal(external_ref_put(cx, STR("sis"), &ref, 1, &f->e), ERR_OK);
    memcpy(ref.id, ben.text, ID_TEXT);
    assert_int_equal(external_ref_put(cx, STR("sis"), &ref, 2, &f->e), ERR_OK);
    assert_int_equal(refs(f, cx, "sis", &t), 1);
    snprintf(want, sizeof want, "%d x %s", EXTERNAL_STUDENT, ben.text);
    assert_string_equal(t.text, want);
    assert_int_equal(refs(f, cx, "other", &t), 0);
    ref.kind = EXTERNAL_COURSE;
    memcpy(ref.id, course.text, ID_TEXT);
    assert_int_equal(external_ref_put(cx, STR("sis"), &ref, 3, &f->e), ERR_OK);
    assert_int_equal(refs(f, cx, "sis", &t), 2);
    assert_int_equal(course_delete(cx, course, &f->e), ERR_OK);
    assert_int_equal(student_delete(cx, ben, &f->e), ERR_OK);
    assert_int_equal(refs(f, cx, "sis", &t), 0);
    tx_commit(f);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_pass_tells_every_student_and_ends_with_the_first_error),
        TEST(entries_are_written_in_batches_of_any_size),
        TEST(nobody_is_twice_on_a_roster),
        TEST(an_end_moves_only_from_what_it_was),
        TEST(a_reference_points_to_one_row_and_goes_with_it),
    };
    return store_suite_run(tests, ARRAY_LEN(tests));
}
