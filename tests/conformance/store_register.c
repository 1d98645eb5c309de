/* Conformance of the store, part seven: whatever is done to the register behind the program's back
 * is found, and named. */
#include "store_suite.h"

#include "base/mem.h"
#include "store/register_check.h"

#include <stdio.h>

enum { STUDENTS = 3, SQL_TEXT = 1024, FOUND_TEXT = 1024 };

struct scene {
    struct session_id session, empty;
    struct student_id students[STUDENTS];
};

/* What was found, a line a sentence. */
struct found {
    char text[FOUND_TEXT];
    int told;
};

static void keep_finding(void *ctx, const char *text)
{
    struct found *found = ctx;
    size_t n = strlen(found->text);
    found->told++;
    snprintf(found->text + n, sizeof found->text - n, "%s\n", text);
}

/* A session with a chain of three marks, one without, and the admin chain. */
static struct scene scene_make(struct fixture *f)
{
    struct db_cx *cx = tx_begin(f);
    struct course_id course = make_course(f, cx, "R-1");
    struct scene s = {.session = make_session(f, cx, course, SESSION_ACTIVE),
                      .empty = make_session(f, cx, course, SESSION_ACTIVE)};
    struct register_event admin = {
        .chain = STR("admin"), .at = 5, .actor = STR("a"), .payload = STR("{}")};
    for (int i = 0; i < STUDENTS; i++) {
        char name[] = {(char)('A' + i), 0};
        enum mark_outcome outcome;
        s.students[i] = make_student(f, cx, name, name);
        struct mark m = mark_of(s.session, s.students[i], NULL);
        assert_int_equal(mark_simple(cx, f->a, &m, &outcome, &f->e), ERR_OK);
    }
    assert_int_equal(register_append(cx, &admin, &test_hasher, &f->e), ERR_OK);
    tx_commit(f);
    return s;
}

/* Heads as they are in the database now. */
static struct heads_seen heads_of(struct fixture *f, const struct scene *s)
{
    struct heads_seen seen = {.a = arena_new(MIB)};
    struct db_cx *cx = read_begin(f);
    const struct str chains[] = {str_from(s->session.text), STR("admin")};
    hashmap_init(&seen.heads);
    for (size_t i = 0; i < ARRAY_LEN(chains); i++) {
        struct register_event *events;
        int n;
        assert_int_equal(register_list(cx, f->a, chains[i], &events, &n, &f->e), ERR_OK);
        struct head *head = arena_alloc(seen.a, sizeof *head);
        snprintf(head->chain, sizeof head->chain, "%.*s", STR_ARGS(chains[i]));
        head->seq = events[n - 1].seq;
        memcpy(head->hash, events[n - 1].hash, sizeof head->hash);
        assert_int_equal(hashmap_put(&seen.heads, str_from(head->chain), head, &f->e), ERR_OK);
    }
    assert_int_equal(hold_end(f, ERR_OK), ERR_OK);
    return seen;
}

/* Everything that the check says, compared with the same heads twice. */
static struct register_report check(struct fixture *f, struct heads_seen *seen,
                                    struct found *ret_found)
{
    struct register_report report = {0};
    const struct register_heads heads[] = {{seen, "the heads file"}, {seen, "the signed heads"}};
    *ret_found = (struct found){.told = 0};
    struct db_cx *cx = read_begin(f);
    assert_int_equal(register_check(cx, &test_hasher, heads, ARRAY_LEN(heads), keep_finding,
                                    ret_found, &report, &f->e),
                     ERR_OK);
    assert_int_equal(hold_end(f, ERR_OK), ERR_OK);
    return report;
}

static void tamper(struct fixture *f, const struct scene *s, const char *fmt)
{
    char sql[SQL_TEXT];
    int n = 0;
    for (const char *p = fmt; *p && n < SQL_TEXT - ID_TEXT; p++) {
        const char *word = *p == '#'   ? s->session.text
                           : *p == '@' ? s->students[0].text
                           : *p == '%' ? s->empty.text
                                       : NULL;
        n += word ? snprintf(sql + n, sizeof sql - (size_t)n, "%s", word) : 1;
        if (!word)
            sql[n - 1] = *p;
    }
    sql[n] = 0;
    struct db_cx *cx = tx_begin(f);
    assert_int_equal(cx->driver->script(cx, sql, &f->e), ERR_OK);
    tx_commit(f);
}

/* In SQL: # is the session, @ the first student, % a session without marks. */
static const struct {
    const char *sql, *found;
} attacks[] = {
    {"UPDATE register_event SET payload = '{}' WHERE chain = '#' AND seq = 1",
     "event 1 was altered, put in or moved"},
    {"UPDATE register_event SET at = at + 1 WHERE chain = 'admin'",
     "the chain admin: event 1 was altered"},
    {"DELETE FROM register_event WHERE chain = '#' AND seq = 2",
     "event 2 was removed (the next one is 3)"},
    {"DELETE FROM register_event WHERE chain = '#' AND seq > 1",
     "the newest events were removed: 2 to 3"},
    {"DELETE FROM register_event WHERE chain = '#'", "it has marks and no register"},
    {"DELETE FROM register_event WHERE chain = '#'; DELETE FROM mark",
     "all of its 3 events were removed"},
    {"CREATE TABLE copy AS SELECT * FROM register_event; DROP TABLE register_event;"
     "ALTER TABLE copy RENAME TO register_event;"
     "INSERT INTO register_event SELECT * FROM register_event WHERE chain = 'admin'",
     "there are two events 1"},
    {"UPDATE register_event SET seq = 9 WHERE chain = '#' AND seq = 1;"
     "UPDATE register_event SET seq = 1 WHERE chain = '#' AND seq = 2;"
     "UPDATE register_event SET seq = 2 WHERE chain = '#' AND seq = 9",
     "event 2 was altered, put in or moved"},
    {"UPDATE mark SET status = 'absent' WHERE student_id = '@'", "differs from the register"},
    {"DELETE FROM mark WHERE student_id = '@'", "a mark was removed, or its student"},
    {"UPDATE register_event SET student = '' WHERE student = '@'", "was never registered"},
    {"INSERT INTO mark (session_id, student_id, frame, status, source, first_seen, last_seen,"
     " receipt, created_at) SELECT '%', student_id, frame, status, source, first_seen, last_seen,"
     " receipt, created_at FROM mark WHERE student_id = '@'",
     "it has marks and no register"},
};

static void every_attack_is_found_and_named(void **state)
{
    struct fixture *f = *state;
    struct fixture *mine = f;
    for (size_t i = 0; i < ARRAY_LEN(attacks); i++) {
        struct found found;
        void *fresh = NULL;
        assert_int_equal(fixture_setup(&fresh), 0); /* each on a database of its own */
        mine = fresh;
        struct scene s = scene_make(mine);
        struct heads_seen seen = heads_of(mine, &s);
        assert_int_equal(check(mine, &seen, &found).findings, 0);
        tamper(mine, &s, attacks[i].sql);
        size_t at = 0;
        for (struct head *head; (head = hashmap_next(&seen.heads, &at));)
            head->seen = false;
        struct register_report report = check(mine, &seen, &found);
        if (!report.findings || !strstr(found.text, attacks[i].found))
            fail_msg("%s\ngave: %s", attacks[i].sql, found.text);
        heads_seen_done(&seen);
        fixture_teardown(&fresh);
    }
}

static void an_event_that_follows_another_is_found_even_with_the_key(void **state)
{
    struct fixture *f = *state;
    struct scene s = scene_make(f);
    struct heads_seen seen = heads_of(f, &s);
    struct found found;
    struct register_event event = {.chain = str_from(s.session.text),
                                   .seq = STUDENTS + 1,
                                   .at = 9,
                                   .actor = STR("x"),
                                   .student = STR(""),
                                   .payload = STR("{}"),
                                   .prev_hash = {1}};
    test_hasher.fn(test_hasher.ctx, &event, event.hash);
    const struct db_value args[] = {
        db_str(event.chain),
        db_int(event.seq),
        db_blob((struct str){(const char *)event.prev_hash, CHAIN_HASH_BYTES}),
        db_blob((struct str){(const char *)event.hash, CHAIN_HASH_BYTES}),
        db_str(event.actor),
        db_int(event.at),
        db_str(event.student),
        db_str(event.payload)};
    struct db_cx *cx = tx_begin(f);
    assert_int_equal(db_exec(cx, Q_REGISTER_INSERT, args, ARRAY_LEN(args), NULL, &f->e), ERR_OK);
    tx_commit(f);
    assert_int_equal(check(f, &seen, &found).findings, 1);
    assert_non_null(strstr(found.text, "event 4 does not follow the one before it"));
    heads_seen_done(&seen);
}

static void heads_of_another_history_are_found(void **state)
{
    struct fixture *f = *state;
    struct scene s = scene_make(f);
    struct heads_seen seen = heads_of(f, &s);
    struct found found;
    struct head *head = hashmap_get(&seen.heads, str_from(s.session.text));
    head->hash[0] ^= 1;
    seen.bad_line = 4;
    check(f, &seen, &found);
    assert_non_null(strstr(found.text, "event 3 is not the one of the heads file"));
    assert_null(strstr(found.text, "is not the one of the signed heads"));
    assert_non_null(strstr(found.text, "the heads file was altered: line 4"));
    heads_seen_done(&seen);
}

static void of_a_chain_that_was_overwritten_a_few_findings_are_told(void **state)
{
    struct fixture *f = *state;
    struct scene s = scene_make(f);
    struct heads_seen none = {.a = NULL};
    struct found found;
    hashmap_init(&none.heads);
    struct db_cx *cx = tx_begin(f);
    for (int i = 0; i < 4; i++) {
        struct register_event more = {
            .chain = str_from(s.session.text), .at = i, .actor = STR("a"), .payload = STR("{}")};
        assert_int_equal(register_append(cx, &more, &test_hasher, &f->e), ERR_OK);
    }
    tx_commit(f);
    tamper(f, &s, "UPDATE register_event SET actor = 'b'");
    struct register_report report = check(f, &none, &found);
    assert_int_equal(report.findings, STUDENTS + 4 + 1);
    assert_int_equal(found.told, 3 + 1);
    hashmap_done(&none.heads);
}

static void a_check_without_memory_says_so(void **state)
{
    struct fixture *f = *state;
    struct scene s = scene_make(f);
    struct heads_seen seen = heads_of(f, &s);
    const struct register_heads heads = {&seen, "the heads file"};
    enum err r = ERR_NOMEM;
    int failed = 0;
    for (; r; failed++) {
        struct found found = {.told = 0};
        struct register_report report;
        struct db_cx *cx = read_begin(f);
        mem_fail_after(failed);
        r = register_check(cx, &test_hasher, &heads, 1, keep_finding, &found, &report, &f->e);
        mem_fail_after(-1);
        assert_true(r == ERR_OK || r == ERR_NOMEM);
        assert_int_equal(found.told, 0);
        hold_end(f, r);
    }
    assert_true(failed > 3);
    heads_seen_done(&seen);
}

static void what_the_database_refuses_is_not_appended(void **state)
{
    struct fixture *f = *state;
    static const struct register_event bad[] = {{.chain = {"\xff", 1}, .payload = {"{}", 2}},
                                                {.chain = {"x", 1}, .payload = {"\xff", 1}}};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct register_event event = bad[i];
        assert_int_equal(register_append(tx_begin(f), &event, &test_hasher, &f->e), ERR_INVALID);
        hold_end(f, ERR_INVALID);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(every_attack_is_found_and_named),
        TEST(an_event_that_follows_another_is_found_even_with_the_key),
        TEST(heads_of_another_history_are_found),
        TEST(of_a_chain_that_was_overwritten_a_few_findings_are_told),
        TEST(a_check_without_memory_says_so),
        TEST(what_the_database_refuses_is_not_appended),
    };
    return store_suite_run(tests, ARRAY_LEN(tests));
}
