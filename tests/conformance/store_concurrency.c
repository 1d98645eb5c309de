/* Conformance of the store, part four: many threads, one truth; and kill -9 at any moment. */
#include "store_suite.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 16, STUDENTS = 40, ROUNDS = 30, ROUND_MS_MAX = 60 };

struct people {
    struct session_id session;
    struct student_id students[STUDENTS];
};

static struct people people_make(struct fixture *f)
{
    struct people p;
    struct db_cx *cx = tx_begin(f);
    p.session = make_session(f, cx, make_course(f, cx, "C"), SESSION_ACTIVE);
    for (int i = 0; i < STUDENTS; i++) {
        char external_id[16];
        snprintf(external_id, sizeof external_id, "%d", i);
        p.students[i] = make_student(f, cx, external_id, "Somebody");
    }
    tx_commit(f);
    return p;
}

/* One mark in a transaction of its own. */
struct marking {
    struct db *db;
    struct arena *a;
    struct mark mark;
    enum mark_outcome outcome;
    bool fail; /* return an error after writing */
};

static enum err marking_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct marking *m = ctx;
    enum err r = mark_simple(cx, m->a, &m->mark, &m->outcome, e);
    return !r && m->fail ? error_set(e, ERR_UNPROCESSABLE, "changed my mind") : r;
}

static void assert_one_event_for_each_mark(struct fixture *f, struct session_id session, int n)
{
    struct register_event *events;
    struct mark *marks;
    struct outbox_row *rows;
    int events_n, marks_n, rows_n;
    struct db_cx *cx = read_begin(f);
    assert_int_equal(mark_list(cx, f->a, session, &marks, &marks_n, &f->e), ERR_OK);
    assert_int_equal(register_list(cx, f->a, str_from(session.text), &events, &events_n, &f->e),
                     ERR_OK);
    assert_int_equal(outbox_list(cx, f->a, INT64_MAX, 100000, &rows, &rows_n, &f->e), ERR_OK);
    assert_int_equal(hold_end(f, ERR_OK), ERR_OK);
    assert_int_equal(marks_n, n);
    assert_int_equal(events_n, n);
    assert_int_equal(rows_n, n);
    assert_chain(events, events_n);
    for (int i = 0; i < n; i++) {
        int found = 0;
        for (int k = 0; k < n; k++)
            found += str_is(events[k].student, marks[i].student.text);
        assert_int_equal(found, 1);
    }
}

struct thread {
    pthread_t id;
    struct db *db;
    const struct people *people;
    int number, made, errors;
};

/* Marks everybody, each thread in another order and from frames of its own. */
static void *mark_everybody(void *arg)
{
    struct thread *t = arg;
    struct arena *a = arena_new(MIB);
    for (int i = 0; i < STUDENTS; i++) {
        struct frame_id frame;
        id_new(frame.text);
        struct marking m = {.a = a};
        m.mark = mark_of(t->people->session, t->people->students[(i * 7 + t->number) % STUDENTS],
                         frame.text);
        t->errors += db_tx(t->db, marking_fn, &m, NULL) != ERR_OK;
        t->made += m.outcome == MARK_MADE;
        arena_reset(a);
    }
    arena_free(a);
    return NULL;
}

static void many_threads_make_exactly_one_mark_for_each_student(void **state)
{
    struct fixture *f = *state;
    struct people people = people_make(f);
    struct thread threads[THREADS];
    int made = 0;
    for (int i = 0; i < THREADS; i++) {
        threads[i] = (struct thread){.db = f->db, .people = &people, .number = i};
        assert_int_equal(pthread_create(&threads[i].id, NULL, mark_everybody, &threads[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i].id, NULL);
        assert_int_equal(threads[i].errors, 0);
        made += threads[i].made;
    }
    assert_int_equal(made, STUDENTS);
    assert_one_event_for_each_mark(f, people.session, STUDENTS);
}

struct waiter {
    pthread_t id;
    struct marking marking;
    enum err result;
};

static void *mark_one(void *arg)
{
    struct waiter *w = arg;
    w->result = db_tx(w->marking.db, marking_fn, &w->marking, NULL);
    return NULL;
}

/* Heads of chains that were told, by their place in the chain. */
static void head_heard(void *ctx, struct str note)
{
    atomic_int *told = ctx;
    struct register_head head;
    assert_int_equal(note.n, sizeof head);
    memcpy(&head, note.p, sizeof head);
    assert_true(head.seq >= 1 && head.seq <= THREADS);
    atomic_fetch_add(&told[head.seq], 1);
}

static void a_failing_transaction_of_a_group_undoes_only_itself(void **state)
{
    struct fixture *f = *state;
    struct people people = people_make(f);
    struct waiter waiters[THREADS] = {0};
    atomic_int told[THREADS + 1] = {0};
    db_set_listener(f->db, head_heard, told);
    tx_begin(f); /* the others wait behind this one and form a group */
    for (int i = 0; i < THREADS; i++) {
        waiters[i].marking = (struct marking){.db = f->db, .a = arena_new(MIB), .fail = i % 3 == 0};
        waiters[i].marking.mark = mark_of(people.session, people.students[i], NULL);
        assert_int_equal(pthread_create(&waiters[i].id, NULL, mark_one, &waiters[i]), 0);
    }
    usleep(50000);
    tx_commit(f);
    int good = 0;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(waiters[i].id, NULL);
        arena_free(waiters[i].marking.a);
        assert_int_equal(waiters[i].result, i % 3 == 0 ? ERR_UNPROCESSABLE : ERR_OK);
        good += !waiters[i].result;
    }
    assert_one_event_for_each_mark(f, people.session, good);
    for (int seq = 1; seq <= THREADS; seq++) /* what was undone was not told, the rest once */
        assert_int_equal(told[seq], seq <= good);
}

/* Changes two students, a while apart; the other thread takes them the other way round. */
struct pair {
    pthread_t id;
    struct db *db;
    struct student first, second;
    int runs;
    enum err result;
};

static enum err pair_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct pair *p = ctx;
    int64_t version;
    p->runs++;
    enum err r = student_update(cx, &p->first, &version, e);
    usleep(100000);
    return r ? r : student_update(cx, &p->second, &version, e);
}

static void *pair_main(void *arg)
{
    struct pair *p = arg;
    p->result = db_tx(p->db, pair_fn, p, NULL);
    return NULL;
}

static void two_transactions_in_each_others_way_both_end_well(void **state)
{
    struct fixture *f = *state;
    struct pair pairs[2];
    struct student both[2];
    struct db_cx *cx = tx_begin(f);
    for (int i = 0; i < 2; i++) {
        struct student_id id = make_student(f, cx, i ? "b" : "a", "Somebody");
        assert_int_equal(student_get(cx, f->a, id, &both[i], &f->e), ERR_OK);
    }
    tx_commit(f);
    for (int i = 0; i < 2; i++) {
        pairs[i] = (struct pair){.db = f->db, .first = both[i], .second = both[1 - i]};
        /* 0: whatever the version, so that running again is right */
        pairs[i].first.version = pairs[i].second.version = 0;
        assert_int_equal(pthread_create(&pairs[i].id, NULL, pair_main, &pairs[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(pairs[i].id, NULL);
        assert_int_equal(pairs[i].result, ERR_OK);
    }
    cx = read_begin(f);
    for (int i = 0; i < 2; i++) {
        struct student now;
        assert_int_equal(student_get(cx, f->a, both[i].id, &now, &f->e), ERR_OK);
        assert_int_equal(now.version, 3);
    }
    assert_int_equal(hold_end(f, ERR_OK), ERR_OK);
}

struct count {
    int n;
    struct arena *a;
};

static enum err count_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct count *c = ctx;
    struct student *list;
    return student_list(cx, c->a, NULL, STR(""), (struct student_id){""}, 1000, &list, &c->n, e);
}

static int count_committed(struct fixture *f)
{
    struct count c = {.a = f->a};
    assert_int_equal(db_read(f->db, count_fn, &c, &f->e), ERR_OK);
    return c.n;
}

static void readers_see_what_is_committed_and_nothing_else(void **state)
{
    struct fixture *f = *state;
    make_student(f, tx_begin(f), "1", "Ada");
    assert_int_equal(count_committed(f), 0);
    tx_commit(f);
    assert_int_equal(count_committed(f), 1);
    make_student(f, tx_begin(f), "2", "Ben");
    assert_int_equal(hold_end(f, ERR_TIMEOUT), ERR_TIMEOUT);
    assert_int_equal(count_committed(f), 1);
}

static enum err insert_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct student s = {.external_id = STR("late"), .name = STR("L"), .status = STR("active")};
    (void)ctx;
    id_new(s.id.text);
    return student_insert(cx, &s, e);
}

static void a_read_may_not_write(void **state)
{
    struct fixture *f = *state;
    assert_int_not_equal(db_read(f->db, insert_fn, NULL, &f->e), ERR_OK);
    assert_int_equal(count_committed(f), 0);
}

static void a_closed_and_opened_database_has_what_was_committed(void **state)
{
    struct fixture *f = *state;
    struct people people = people_make(f);
    db_close(f->db);
    f->db = NULL;
    assert_int_equal(f->backend->open(f->folder, &f->db, &f->e), ERR_OK);
    assert_int_equal(migrate_up(f->db, NULL, &f->e), ERR_OK);
    assert_int_equal(count_committed(f), STUDENTS);
    assert_int_equal(strlen(people.session.text), 36);
}

/* The child of a round: marks students of a new session without end and writes the number of each
 * into the pipe once it is acknowledged. */
static void child_marks(const struct store_backend *backend, const char *folder,
                        const struct people *p, int pipe_fd)
{
    struct db *db = NULL;
    if (backend->open(folder, &db, NULL) != ERR_OK)
        _exit(1);
    struct arena *a = arena_new(MIB);
    for (int i = 0; i < STUDENTS; i++) {
        struct marking m = {.a = a};
        m.mark = mark_of(p->session, p->students[i], NULL);
        if (db_tx(db, marking_fn, &m, NULL) != ERR_OK)
            _exit(2);
        uint8_t acknowledged = (uint8_t)i;
        if (write(pipe_fd, &acknowledged, 1) != 1)
            _exit(3);
        usleep(500);
    }
    for (;;)
        pause();
}

/* Acknowledged marks of one killed child. */
static int acknowledged_read(int fd, bool seen[STUDENTS])
{
    uint8_t i;
    int n = 0;
    while (read(fd, &i, 1) == 1) {
        assert_true(i < STUDENTS);
        seen[i] = true;
        n++;
    }
    return n;
}

static struct session_id next_session(struct fixture *f, int round)
{
    char code[16];
    snprintf(code, sizeof code, "R%d", round);
    struct db_cx *cx = tx_begin(f);
    struct session_id id = make_session(f, cx, make_course(f, cx, code), SESSION_ACTIVE);
    tx_commit(f);
    return id;
}

/* Every acknowledged mark is there once; at most one more may be: committed, not yet told. */
static void assert_survived(struct fixture *f, const struct people *people,
                            const bool seen[STUDENTS], int acknowledged)
{
    struct register_event *events;
    struct mark *marks, one;
    int events_n, marks_n;
    struct db_cx *cx = read_begin(f);
    assert_int_equal(mark_list(cx, f->a, people->session, &marks, &marks_n, &f->e), ERR_OK);
    assert_int_equal(
        register_list(cx, f->a, str_from(people->session.text), &events, &events_n, &f->e), ERR_OK);
    for (int i = 0; i < STUDENTS; i++) {
        if (seen[i])
            assert_int_equal(mark_get(cx, f->a, people->session, people->students[i], &one, &f->e),
                             ERR_OK);
    }
    assert_int_equal(hold_end(f, ERR_OK), ERR_OK);
    assert_int_equal(events_n, marks_n);
    assert_true(marks_n == acknowledged || marks_n == acknowledged + 1);
    assert_chain(events, events_n);
}

static int round_run(struct fixture *f, struct people *people, int round)
{
    int up[2], status;
    people->session = next_session(f, round);
    db_close(f->db);
    f->db = NULL;
    assert_int_equal(pipe(up), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(up[0]);
        child_marks(f->backend, f->folder, people, up[1]);
    }
    close(up[1]);
    usleep((useconds_t)(1000 * (round * 37 % ROUND_MS_MAX)) + 3000);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    bool seen[STUDENTS] = {false};
    int n = acknowledged_read(up[0], seen);
    close(up[0]);
    assert_int_equal(f->backend->open(f->folder, &f->db, &f->e), ERR_OK);
    assert_survived(f, people, seen, n);
    return n;
}

static void what_was_acknowledged_survives_kill_9(void **state)
{
    struct fixture *f = *state;
    struct people people = people_make(f);
    int acknowledged = 0;
    for (int round = 0; round < ROUNDS; round++)
        acknowledged += round_run(f, &people, round);
    assert_true(acknowledged > ROUNDS); /* the test is about something */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(many_threads_make_exactly_one_mark_for_each_student),
        TEST(a_failing_transaction_of_a_group_undoes_only_itself),
        TEST(two_transactions_in_each_others_way_both_end_well),
        TEST(readers_see_what_is_committed_and_nothing_else),
        TEST(a_read_may_not_write),
        TEST(a_closed_and_opened_database_has_what_was_committed),
        TEST(what_was_acknowledged_survives_kill_9),
    };
    return store_suite_run(tests, ARRAY_LEN(tests));
}
