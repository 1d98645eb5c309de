/* What the conformance suites share: seeds, verdicts of threads, tests times back ends.
 *
 * A property runs once for each seed on each subject. Threads cannot use cmocka's assertions, so
 * they give their findings to a verdict, which the test asks at the end; its message names the
 * seed. CONFORMANCE_SEED=17 runs that seed alone, CONFORMANCE_SEEDS=500 that many. */
#pragma once

#include "base/time.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct verdict {
    pthread_mutex_t lock;
    char text[200]; /* the first finding; empty: none */
};

#define VERDICT_INIT                                                                               \
    {                                                                                              \
        .lock = PTHREAD_MUTEX_INITIALIZER                                                          \
    }

/* Notes a violation; the first one stays. Thread: any. */
void verdict_fail(struct verdict *v, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Fails the running test when something was noted. Thread: the test's. */
void verdict_check(const struct verdict *v, const char *subject, uint64_t seed);

/* The seeds of a run: [*ret_first, *ret_first + the result). */
int suite_seeds(uint64_t *ret_first);

/* Runs fn n times at once, on args[0..n) of arg_bytes each; returns when all have returned. */
void suite_threads(int n, void *(*fn)(void *), void *args, size_t arg_bytes);

void suite_sleep(usec_t length);

/* One property or example. */
struct suite_test {
    const char *name;
    CMUnitTestFunction run; /* *state is the subject */
    bool exact;             /* an example: only for subjects that do not misbehave */
};

/* One back end to test: the head of queue_subject and bus_subject. */
struct suite_subject {
    const char *name;
    bool chaotic; /* it misbehaves: no examples, properties only */
};

/* Runs every test on every subject that it is for; the exit status. subjects[i] are pointers to
 * structs that begin with a suite_subject. */
int suite_run(const char *name, const struct suite_test *tests, size_t tests_n,
              const struct suite_subject *const *subjects, size_t subjects_n);
