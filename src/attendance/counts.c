/* Counted marks: see counts.h. Pure arithmetic on a handful of integers. */
#include "attendance/counts.h"

#include <math.h>
#include <stddef.h>

static const struct {
    const char *status;
    size_t offset;
} counters[] = {
    {"present", offsetof(struct counts, present)},
    {"late", offsetof(struct counts, late)},
    {"left-early", offsetof(struct counts, left_early)},
    {"absent", offsetof(struct counts, absent)},
    {"excused", offsetof(struct counts, excused)},
};

void counts_add(struct counts *t, struct str status, int64_t n)
{
    for (size_t i = 0; i < ARRAY_LEN(counters); i++) {
        if (str_is(status, counters[i].status))
            *(int64_t *)((char *)t + counters[i].offset) += n;
    }
}

void counts_sum(struct counts *t, const struct counts *more)
{
    t->present += more->present;
    t->late += more->late;
    t->left_early += more->left_early;
    t->absent += more->absent;
    t->excused += more->excused;
}

int64_t counts_attended(const struct counts *t) { return t->present + t->late + t->left_early; }

int64_t counts_marks(const struct counts *t) { return counts_attended(t) + t->absent + t->excused; }

/* Tenths of a percent in whole numbers: (2000 a + n) / (2 n) is 1000 a / n rounded half up. */
double counts_percent(const struct counts *t)
{
    int64_t attended = counts_attended(t), n = attended + t->absent;
    return n > 0 ? (double)((2000 * attended + n) / (2 * n)) / 10 : (double)NAN;
}

bool counts_is_below(const struct counts *t, double percent)
{
    int64_t attended = counts_attended(t), n = attended + t->absent;
    return n > 0 && 100.0 * (double)attended < percent * (double)n;
}
