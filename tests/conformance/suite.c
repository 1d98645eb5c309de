/* Seeds, verdicts, threads and the table of tests: see suite.h. */
#include "suite.h"

#include "base/mem.h"

#include <stdlib.h>

enum { SEEDS = 20, THREADS_MAX = 16, TESTS_MAX = 128, NAME_MAX_BYTES = 160 };

void verdict_fail(struct verdict *v, const char *fmt, ...)
{
    va_list args;
    pthread_mutex_lock(&v->lock);
    if (!v->text[0]) {
        va_start(args, fmt);
        vsnprintf(v->text, sizeof(v->text), fmt, args);
        va_end(args);
    }
    pthread_mutex_unlock(&v->lock);
}

void verdict_check(const struct verdict *v, const char *subject, uint64_t seed)
{
    if (v->text[0])
        fail_msg("%s, CONFORMANCE_SEED=%llu: %s", subject, (unsigned long long)seed, v->text);
}

int suite_seeds(uint64_t *ret_first)
{
    const char *one = getenv("CONFORMANCE_SEED"), *many = getenv("CONFORMANCE_SEEDS");
    int64_t n;
    *ret_first = 1;
    if (one && str_to_i64(str_from(one), &n, NULL) == ERR_OK) {
        *ret_first = (uint64_t)n;
        return 1;
    }
    if (many && str_to_i64(str_from(many), &n, NULL) == ERR_OK && n > 0 && n < INT32_MAX)
        return (int)n;
    return SEEDS;
}

void suite_threads(int n, void *(*fn)(void *), void *args, size_t arg_bytes)
{
    pthread_t threads[THREADS_MAX];
    assert_true(n <= THREADS_MAX);
    for (int i = 0; i < n; i++)
        assert_int_equal(
            pthread_create(&threads[i], NULL, fn, (char *)args + (size_t)i * arg_bytes), 0);
    for (int i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
}

void suite_sleep(usec_t length)
{
    struct timespec left = {.tv_sec = length / USEC_PER_SEC,
                            .tv_nsec = length % USEC_PER_SEC * 1000};
    while (nanosleep(&left, &left))
        ;
}

int suite_run(const char *name, const struct suite_test *tests, size_t tests_n,
              const struct suite_subject *const *subjects, size_t subjects_n)
{
    static struct CMUnitTest table[TESTS_MAX];
    static char names[TESTS_MAX][NAME_MAX_BYTES];
    size_t n = 0;
    for (size_t s = 0; s < subjects_n; s++) {
        for (size_t t = 0; t < tests_n; t++) {
            if ((tests[t].exact && subjects[s]->chaotic) || n == TESTS_MAX)
                continue;
            snprintf(names[n], sizeof(names[n]), "%s: %s", subjects[s]->name, tests[t].name);
            table[n] = (struct CMUnitTest){.name = names[n],
                                           .test_func = tests[t].run,
                                           .initial_state = (void *)(uintptr_t)subjects[s]};
            n++;
        }
    }
    return _cmocka_run_group_tests(name, table, n, NULL, NULL);
}
