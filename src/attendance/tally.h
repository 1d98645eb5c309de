/* Counted marks and the percent attended: the one rule of every report.
 *
 * Attended are present, late and left-early. Excused is neither attended nor missed: it is left out
 * of the percentage altogether. So percent = attended / (attended + absent); who has nothing but
 * excuses has none. Pure; thread: any. */
#pragma once

#include "base/str.h"

struct tally {
    int64_t present, late, left_early, absent, excused;
};

/* Adds n marks of a status (the words of marks); a word that is none of them counts nowhere. */
void tally_add(struct tally *t, struct str status, int64_t n);
/* Adds all of `more`. */
void tally_sum(struct tally *t, const struct tally *more);
int64_t tally_attended(const struct tally *t);
/* Marks of any status. */
int64_t tally_marks(const struct tally *t);
/* 0 to 100, rounded half up to a tenth; NaN when nothing counts. */
double tally_percent(const struct tally *t);
/* Less than `percent` of what counts was attended, exactly (before rounding); false when nothing
 * counts. */
bool tally_is_below(const struct tally *t, double percent);
