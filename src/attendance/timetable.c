/* Timetable days: see timetable.h. No I/O, no memory, any thread. Cost: weeks in the window x
 * holidays. */
#include "attendance/timetable.h"

enum { WEEK = 7 };

static bool is_off(int64_t day, const struct day_range *off, int n_off)
{
    for (int i = 0; i < n_off; i++)
        if (day >= off[i].first && day <= off[i].last)
            return true;
    return false;
}

int timetable_days(const struct weekly *weekly, const struct day_range *off, int n_off,
                   struct day_range window, int64_t *ret_days, int max)
{
    int64_t from = weekly->days.first > window.first ? weekly->days.first : window.first;
    int64_t to = weekly->days.last < window.last ? weekly->days.last : window.last;
    int64_t day = from + (weekly->weekday - day_weekday(from) + WEEK) % WEEK;
    int n = 0;
    for (; day <= to && n < max; day += WEEK)
        if (!is_off(day, off, n_off))
            ret_days[n++] = day;
    return n;
}
