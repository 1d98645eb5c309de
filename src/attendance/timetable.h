/* The days on which a weekly timetable has a sitting. Pure; any thread. */
#pragma once

#include "base/day.h"

/* The days of weekly->weekday that lie in weekly->days and in `window` and in none of off[n_off]
 * (holidays, any order, may overlap), in order, into ret_days[max]; the count. Days beyond max are
 * left out: the caller's window says how many there can be, one a week and one more. */
int timetable_days(const struct weekly *weekly, const struct day_range *off, int n_off,
                   struct day_range window, int64_t *ret_days, int max);
