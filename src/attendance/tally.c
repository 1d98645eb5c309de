/* Counted marks: see tally.h. Pure arithmetic on a handful of integers. */
#include "attendance/tally.h"

#include <math.h>
#include <stddef.h>

static const struct {
    const char *status;
    size_t offset;
} counters[] = {
    {"present", offsetof(struct tally, present)},       {"late", offsetof(struct tally, late)},
    {"left-early", offsetof(struct tally, left_early)}, {"absent", offsetof(struct tally, absent)},
    {"excused", offsetof(struct tally, excused)},
};

void tally_add(struct tally *t, struct str status, int64_t n)
{
    for (size_t i = 0; i < ARRAY_LEN(counters); i++) {
        if (str_is(status, counters[i].status))
            *(int64_t *)((char *)t + counters[i].offset) += n;
    }
}

void tally_sum(struct tally *t, const struct tally *more)
{
    t->present += more->present;
    t->late += more->late;
    t->left_early += more->left_early;
    t->absent += more->absent;
    t->excused += more->excused;
}

int64_t tally_attended(const struct tally *t) { return t->present + t->late + t->left_early; }

int64_t tally_marks(const struct tally *t) { return tally_attended(t) + t->absent + t->excused; }

/* Tenths of a percent in whole numbers: (2000 a + n) / (2 n) is 1000 a / n rounded half up. */
double tally_percent(const struct tally *t)
{
    int64_t attended = tally_attended(t), n = attended + t->absent;
    return n > 0 ? (double)((2000 * attended + n) / (2 * n)) / 10 : (double)NAN;
}

bool tally_is_below(const struct tally *t, double percent)
{
    int64_t attended = tally_attended(t), n = attended + t->absent;
    return n > 0 && 100.0 * (double)attended < percent * (double)n;
}
