/* The interval of a share, against values worked out by hand from Wilson's formula. */
#include "cmd/eval_liveness.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_share_has_its_wilson_interval(void **state)
{
    (void)state;
    static const struct {
        int hits, n;
        double low, high;
    } rows[] = {
        {0, 10, 0, .277533},       {10, 10, .722467, 1},        {1, 10, .017876, .404150},
        {5, 10, .236593, .763407}, {14, 150, .056412, .150564},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct eval_interval x = eval_share(rows[i].hits, rows[i].n);
        assert_true(fabs(x.mean - (double)rows[i].hits / rows[i].n) < 1e-12);
        assert_true(fabs(x.low - rows[i].low) < 2e-6);
        assert_true(fabs(x.high - rows[i].high) < 2e-6);
    }
}

static void a_share_of_nothing_is_no_number(void **state)
{
    (void)state;
    const struct eval_interval x = eval_share(0, 0);
    assert_true(isnan(x.mean) && isnan(x.low) && isnan(x.high));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_share_has_its_wilson_interval),
        cmocka_unit_test(a_share_of_nothing_is_no_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
