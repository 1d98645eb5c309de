/* Sessions from timetables, as a periodic job: see schedule.h and store/timetable.h. The
 * scheduler's thread; a transaction a timetable, so a run that is cut short is taken up by the
 * next. */
#include "attendance/timetable.h"
#include "jobs/schedule.h"
#include "store/timetable.h"

enum err schedule_timetable(struct schedule_run *run, struct error *e)
{
    const struct schedule_env *env = run->env;
    const struct timetable_plan plan = {.now = run->now,
                                        .horizon_days = env->horizon_days,
                                        .confirm_gap_ms = env->confirm_gap_ms,
                                        .confirm_window_s = env->confirm_window_s,
                                        .days = timetable_days};
    struct timetable_result result = {0};
    enum err r = timetable_generate(env->db, &plan, &result, e);
    run->did = result.made + result.changed + result.removed;
    return r;
}
