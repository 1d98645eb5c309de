/* Calibrations: see calibration.h. Cost: a scan of the shipped tables. Called for each frame by the
 * recognition job and by `rollcall calibrate`. Invariant: a table of one kind of score never gives
 * a threshold for another. */
#include "attendance/calibration.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

enum { FIELDS_OF_KIND = 6 };

void calibration_setting(const char *encoder, const char *preprocessing,
                         char ret_name[static CALIBRATION_NAME])
{
    snprintf(ret_name, CALIBRATION_NAME, "calibration:%s:%s", encoder, preprocessing);
}

void calibration_print(const struct calibration *c, char ret_text[static CALIBRATION_TEXT])
{
    int n = snprintf(ret_text, CALIBRATION_TEXT, "1 %s %d %d", c->version, c->people, c->hub_helps);
    for (int k = 0; k < SCORE_KIND_N; k++) {
        const struct calibration_curve *v = &c->kinds[k];
        n += snprintf(ret_text + n, (size_t)(CALIBRATION_TEXT - n), " %d %.9g %.9g %.9g %.3g %lld",
                      v->has, v->curve.c0, v->curve.c1, v->curve.c2, v->curve.lowest_fmr,
                      (long long)v->comparisons);
    }
}

/* The next word of rest as a number; NAN when it is none. */
static double next_number(struct str *rest)
{
    struct str word;
    double value = NAN;
    if (!str_split(rest, ' ', &word) || str_to_double(word, &value, NULL))
        return NAN;
    return value;
}

/* "1 VERSION PEOPLE HELPS "; false when it is not that. */
static bool read_head(struct str *rest, struct calibration *c)
{
    struct str word;
    if (next_number(rest) != 1 || !str_split(rest, ' ', &word) || word.n == 0 ||
        word.n >= sizeof c->version)
        return false;
    memcpy(c->version, word.p, word.n);
    double people = next_number(rest), helps = next_number(rest);
    c->people = people >= 0 && people < 1e9 ? (int)people : 0;
    c->hub_helps = helps > 0;
    return isfinite(people) && isfinite(helps);
}

static bool read_kind(struct str *rest, struct calibration_curve *v)
{
    double f[FIELDS_OF_KIND];
    bool good = true;
    for (int i = 0; i < FIELDS_OF_KIND; i++) {
        f[i] = next_number(rest);
        good = good && isfinite(f[i]);
    }
    *v = (struct calibration_curve){
        .has = f[0] > 0,
        .curve = {.c0 = f[1], .c1 = f[2], .c2 = f[3], .lowest_fmr = f[4]},
        .comparisons = f[5] > 0 && f[5] < 1e18 ? (int64_t)f[5] : 0};
    return good && (!v->has || v->curve.c2 < 0);
}

enum err calibration_parse(struct str text, struct calibration *ret_calibration, struct error *e)
{
    struct calibration c = {.version = ""};
    struct str rest = text;
    bool good = text.n == 0 || read_head(&rest, &c);
    for (int k = 0; text.n && good && k < SCORE_KIND_N; k++)
        good = read_kind(&rest, &c.kinds[k]);
    if (!good)
        return error_set(e, ERR_CORRUPT, "the stored calibration cannot be read");
    *ret_calibration = c;
    return ERR_OK;
}

void calibration_move(struct calibration_curve *v, double by)
{
    struct fmr_curve *c = &v->curve;
    c->c0 += by * (c->c2 * by - c->c1);
    c->c1 -= 2 * c->c2 * by;
}

static bool is_site(const struct calibration *c, enum score_kind kind)
{
    return c && c->version[0] && c->kinds[kind].has;
}

const char *calibration_version(const struct calibration *c, enum score_kind kind)
{
    return is_site(c, kind) ? c->version : fmr_tables_version;
}

bool calibration_covers(const struct calibration *c, const char *encoder, const char *preprocessing,
                        enum score_kind kind)
{
    return is_site(c, kind) || fmr_table_find(encoder, preprocessing, kind, 1);
}

double calibration_threshold(const struct calibration *c, const char *encoder,
                             const char *preprocessing, enum score_kind kind, double budget_per_10k,
                             int64_t people)
{
    if (is_site(c, kind)) {
        const struct fmr_curve *v = &c->kinds[kind].curve;
        const struct fmr_table own = {.c0 = v->c0, .c1 = v->c1, .c2 = v->c2};
        return threshold_score(&own, budget_per_10k, people);
    }
    const struct fmr_table *one = fmr_table_find(encoder, preprocessing, kind, 1);
    const struct fmr_table *many = fmr_table_find(encoder, preprocessing, kind, 3);
    if (!one)
        return INFINITY;
    assert(many); /* a pair that ships has all of its tables: a test asks each */
    return fmax(threshold_score(one, budget_per_10k, people),
                threshold_score(many, budget_per_10k, people));
}
