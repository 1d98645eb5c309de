/* The rules of enrolment: see enrolment.h. Two tables and two short rules; no state. */
#include "attendance/enrolment.h"

#define YEAR (365 * USEC_PER_DAY)

const char *const verdict_names[] = {
#define X(code, word, help) word,
    VERDICT_MAP(X)
#undef X
        NULL};

static const char *const verdict_helps[VERDICT_N] = {
#define X(code, word, help) help,
    VERDICT_MAP(X)
#undef X
};

const char *verdict_name(enum verdict v) { return verdict_names[v]; }

const char *verdict_help(enum verdict v) { return verdict_helps[v]; }

static bool worse(const struct enrolled_photo *x, const struct enrolled_photo *y)
{
    return x->quality < y->quality || (x->quality <= y->quality && x->created_at < y->created_at);
}

int enrolment_gives_way(const struct enrolled_photo *photos, int n, usec_t now)
{
    int worst = 0, worst_old = -1;
    for (int i = 0; i < n; i++) {
        if (worse(&photos[i], &photos[worst]))
            worst = i;
        if (now - photos[i].created_at > YEAR &&
            (worst_old < 0 || worse(&photos[i], &photos[worst_old])))
            worst_old = i;
    }
    return worst_old >= 0 ? worst_old : worst;
}

bool enrolment_is_stale(usec_t newest, usec_t max_age, usec_t now)
{
    return newest > 0 && max_age > 0 && now - newest > max_age;
}
