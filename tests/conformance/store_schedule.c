/* Conformance of the store, part six: periodic jobs, and what is due for them. */
#include "store_suite.h"

#include "store/attendance.h"
#include "store/schedule.h"

static struct schedule_entry entry_of(struct fixture *f, const char *job)
{
    struct schedule_entry *list;
    int n;
    struct db_cx *cx = read_begin(f);
    assert_int_equal(schedule_list(cx, f->a, &list, &n, &f->e), ERR_OK);
    assert_int_equal(hold_end(f, ERR_OK), ERR_OK);
    for (int i = 0; i < n; i++)
        if (str_is(list[i].job, job))
            return list[i];
    fail_msg("there is no job %s", job);
    return list[0];
}

static bool claim(struct fixture *f, const char *job, const char *holder, usec_t now, usec_t lease)
{
    bool claimed = false;
    struct db_cx *cx = tx_begin(f);
    assert_int_equal(schedule_claim(cx, job, holder, now, now + lease, &claimed, &f->e), ERR_OK);
    tx_commit(f);
    return claimed;
}

static int due(struct fixture *f, usec_t now)
{
    struct str *jobs;
    int n;
    struct db_cx *cx = read_begin(f);
    assert_int_equal(schedule_due(cx, f->a, now, &jobs, &n, &f->e), ERR_OK);
    assert_int_equal(hold_end(f, ERR_OK), ERR_OK);
    return n;
}

static void add(struct fixture *f, const char *job, usec_t period, usec_t now)
{
    struct db_cx *cx = tx_begin(f);
    assert_int_equal(schedule_add(cx, job, period, now, &f->e), ERR_OK);
    tx_commit(f);
}

static void done(struct fixture *f, const char *job, const char *holder,
                 const struct schedule_result *result)
{
    struct db_cx *cx = tx_begin(f);
    assert_int_equal(schedule_done(cx, job, holder, result, &f->e), ERR_OK);
    tx_commit(f);
}

static void a_due_job_is_claimed_by_one_and_due_again_a_period_later(void **state)
{
    struct fixture *f = *state;
    add(f, "tea", 100, 1000);
    assert_int_equal(due(f, 999), 0);
    assert_false(claim(f, "tea", "a", 999, 50));
    assert_int_equal(due(f, 1000), 1);
    assert_true(claim(f, "tea", "a", 1000, 50));
    assert_false(claim(f, "tea", "b", 1000, 50));
    assert_int_equal(due(f, 1049), 0);
    const struct schedule_result good = {.at = 1020, .duration = 20, .did = 3, .error = STR("")};
    done(f, "tea", "a", &good);
    struct schedule_entry e = entry_of(f, "tea");
    assert_true(e.period == 100 && e.last_run == 1020 && e.last_duration == 20 && e.last_did == 3);
    assert_true(e.next_run == 1100 && e.runs == 1 && !e.failures && !e.holder.n);
    assert_false(claim(f, "tea", "b", 1099, 50));
    assert_true(claim(f, "tea", "b", 1100, 50));
}

static void a_job_whose_holder_died_is_taken_over_when_the_lease_ends(void **state)
{
    struct fixture *f = *state;
    add(f, "tea", 100000, 1000);
    assert_true(claim(f, "tea", "dead", 1000, 50));
    assert_false(claim(f, "tea", "next", 1049, 50));
    assert_int_equal(due(f, 1050), 1);
    assert_true(claim(f, "tea", "next", 1050, 50));
    const struct schedule_result late = {.at = 1060, .error = STR("too late")};
    done(f, "tea", "dead", &late); /* the job is not its own any more */
    assert_true(str_is(entry_of(f, "tea").holder, "next"));
    assert_int_equal(entry_of(f, "tea").runs, 0);
    struct db_cx *cx = tx_begin(f);
    assert_int_equal(schedule_release(cx, &f->e), ERR_OK);
    tx_commit(f);
    assert_true(claim(f, "tea", "after a start", 1061, 50));
}

static void failures_are_counted_until_a_run_goes_well(void **state)
{
    struct fixture *f = *state;
    const struct schedule_result bad = {.at = 1, .error = STR("no water")},
                                 more = {.at = 7, .error = STR(""), .more = true};
    add(f, "tea", 100, 0);
    for (int i = 1; i <= 2; i++) {
        assert_true(claim(f, "tea", "a", i * 200, 50));
        done(f, "tea", "a", &bad);
        assert_int_equal(entry_of(f, "tea").failures, i);
    }
    assert_true(str_is(entry_of(f, "tea").last_error, "no water"));
    assert_true(claim(f, "tea", "a", 600, 50));
    done(f, "tea", "a", &more);
    struct schedule_entry e = entry_of(f, "tea");
    assert_true(!e.failures && !e.last_error.n && e.runs == 3);
    assert_int_equal(e.next_run, 7); /* at once */
}

static void a_known_job_keeps_its_time_and_a_shorter_period_counts_at_once(void **state)
{
    struct fixture *f = *state;
    add(f, "tea", 1000, 500);
    assert_true(claim(f, "tea", "a", 500, 50));
    add(f, "tea", 1000, 600);
    assert_int_equal(entry_of(f, "tea").next_run, 1500);
    add(f, "tea", 100, 700);
    assert_int_equal(entry_of(f, "tea").next_run, 800);
    struct db_cx *cx = tx_begin(f);
    assert_int_equal(schedule_now(cx, "tea", 701, &f->e), ERR_OK);
    assert_int_equal(schedule_now(cx, "coffee", 701, &f->e), ERR_NOT_FOUND);
    tx_commit(f);
    assert_int_equal(entry_of(f, "tea").next_run, 701);
}

static struct session_id plan(struct fixture *f, struct course_id course, usec_t start, usec_t end,
                              enum session_status status, usec_t started_at)
{
    struct session s = {.course = course,
                        .title = STR(""),
                        .planned_start = start,
                        .planned_end = end,
                        .started_at = started_at,
                        .status = status};
    id_new(s.id.text);
    struct db_cx *cx = tx_begin(f);
    assert_int_equal(session_insert(cx, &s, &f->e), ERR_OK);
    tx_commit(f);
    return s.id;
}

static void planned_sessions_are_due_between_their_start_and_end(void **state)
{
    struct fixture *f = *state;
    struct due_session *list;
    int n;
    struct db_cx *cx = tx_begin(f);
    struct course_id course = make_course(f, cx, "C");
    tx_commit(f);
    struct session_id a = plan(f, course, 100, 200, SESSION_SCHEDULED, 0);
    plan(f, course, 0, 0, SESSION_SCHEDULED, 0);
    plan(f, course, 100, 0, SESSION_SCHEDULED, 0);
    struct session_id b = plan(f, course, 100, 200, SESSION_ACTIVE, 100);
    plan(f, course, 100, 200, SESSION_ACTIVE, 250); /* by hand, after its end */
    static const struct {
        usec_t at;
        int start, stop;
    } rows[] = {{99, 0, 0}, {100, 1, 0}, {199, 1, 0}, {200, 0, 1}, {1000, 0, 1}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        cx = read_begin(f);
        assert_int_equal(due_to_start(cx, f->a, rows[i].at, 10, &list, &n, &f->e), ERR_OK);
        assert_int_equal(n, rows[i].start);
        assert_true(!n || strcmp(list[0].id.text, a.text) == 0);
        assert_int_equal(due_to_stop(cx, f->a, rows[i].at, 10, &list, &n, &f->e), ERR_OK);
        assert_int_equal(n, rows[i].stop);
        assert_true(!n || strcmp(list[0].id.text, b.text) == 0);
        assert_int_equal(hold_end(f, ERR_OK), ERR_OK);
    }
}

static void counts_of_sightings_are_halved_once_in_a_period(void **state)
{
    struct fixture *f = *state;
    const struct sighting_of of = {STR("e"), STR("p"), STR("cosine")};
    const struct sighting_count counts[] = {{STR("best"), 1, 9}, {STR("best"), 2, 1}};
    struct sighting_count *got;
    usec_t now = time_utc();
    bool aged;
    int n;
    struct db_cx *cx = tx_begin(f);
    assert_int_equal(sighting_add(cx, &of, counts, 2, &f->e), ERR_OK);
    tx_commit(f);
    static const struct {
        usec_t later;
        bool aged;
    } rows[] = {{0, false}, {50, false}, {USEC_PER_DAY, true}, {USEC_PER_DAY + 50, false}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        cx = tx_begin(f);
        assert_int_equal(sighting_age(cx, f->a, now + rows[i].later, USEC_PER_HOUR, &aged, &f->e),
                         ERR_OK);
        tx_commit(f);
        assert_int_equal(aged, rows[i].aged);
    }
    cx = read_begin(f);
    assert_int_equal(sighting_list(cx, f->a, &of, &got, &n, &f->e), ERR_OK);
    assert_int_equal(hold_end(f, ERR_OK), ERR_OK);
    assert_true(n == 1 && got[0].bin == 1 && got[0].sightings == 4);
}

static void ended_jobs_go_when_they_are_old_a_few_at_a_time(void **state)
{
    struct fixture *f = *state;
    int64_t removed = 0;
    struct db_cx *cx = tx_begin(f);
    for (int i = 0; i < 3; i++) {
        struct job j = {.kind = STR("enrol"), .subject = STR("s"), .actor = STR("")};
        id_new(j.id);
        assert_int_equal(job_insert(cx, &j, NULL, 0, &f->e), ERR_OK);
        if (i < 2)
            assert_int_equal(job_finish(cx, j.id, JOB_DONE, STR(""), time_utc(), &f->e), ERR_OK);
    }
    tx_commit(f);
    static const int want[] = {0, 1, 1, 0};
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        usec_t before = i ? time_utc() + USEC_PER_HOUR : 1;
        cx = tx_begin(f);
        assert_int_equal(job_purge(cx, before, 1, &removed, &f->e), ERR_OK);
        tx_commit(f);
        assert_int_equal(removed, want[i]);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    static const struct CMUnitTest tests[] = {
        T(a_due_job_is_claimed_by_one_and_due_again_a_period_later),
        T(a_job_whose_holder_died_is_taken_over_when_the_lease_ends),
        T(failures_are_counted_until_a_run_goes_well),
        T(a_known_job_keeps_its_time_and_a_shorter_period_counts_at_once),
        T(planned_sessions_are_due_between_their_start_and_end),
        T(counts_of_sightings_are_halved_once_in_a_period),
        T(ended_jobs_go_when_they_are_old_a_few_at_a_time),
    };
    return store_suite_run(tests, ARRAY_LEN(tests));
}
