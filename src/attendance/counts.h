/* Counted marks and the percent attended: the one rule of every report.
 *
 * Attended are present, late and left-early. Excused is neither attended nor missed: it is left out
 * of the percentage altogether. So percent = attended / (attended + absent); who has nothing but
 * excuses has none. Pure; thread: any. */
#pragma once

#include "base/str.h"

struct counts {
    int64_t present, late, left_early, absent, excused;
};

/* Adds n marks of a status (the words of marks); a word that is none of them counts nowhere. */
void counts_add(struct counts *t, struct str status, int64_t n);
/* Adds all of `more`. */
void counts_sum(struct counts *t, const struct counts *more);
int64_t counts_attended(const struct counts *t);
/* Marks of any status. */
int64_t counts_marks(const struct counts *t);
/* 0 to 100, rounded half up to a tenth; NaN when nothing counts. */
double counts_percent(const struct counts *t);
/* Less than `percent` of what counts was attended, exactly (before rounding); false when nothing
 * counts. */
bool counts_is_below(const struct counts *t, double percent);
