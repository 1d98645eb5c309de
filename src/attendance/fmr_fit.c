/* Fitting a false-match table: see fmr_fit.h. Cost: constant a score, one pass over the histogram a
 * fit. Called by `rollcall eval` and `rollcall calibrate`; no state; any thread. */
#include "attendance/fmr_fit.h"

#include <math.h>

enum { BINS = 20000, FIT_POINTS = 60, PAIRS_IN_TAIL = 8 };

/* log10 of the false-match rates between which the curve is fitted. */
#define LOG_FMR_HIGH (-2.0)
#define LOG_FMR_LOW (-6.0)

static double bin_score(int bin) { return -1 + (bin + 0.5) * 2 / BINS; }

enum err fmr_tail_new(struct arena *a, struct fmr_tail *ret_tail, struct error *e)
{
    double *bins = arena_array(a, BINS, sizeof *bins);
    if (!bins)
        return error_set(e, ERR_NOMEM, "out of memory");
    *ret_tail = (struct fmr_tail){.bins = bins};
    return ERR_OK;
}

void fmr_tail_add(struct fmr_tail *t, double score, double weight)
{
    double at = fmin(fmax((score + 1) / 2 * BINS, 0), BINS - 1);
    t->bins[(int)at] += weight;
    t->comparisons++;
}

/* Least squares of y on 1, s, s^2 by the normal equations (3 x 3, Cramer's rule). */
static void fit_parabola(const double *s, const double *y, int n, struct fmr_curve *t)
{
    double m[5] = {0}, v[3] = {0};
    for (int i = 0; i < n; i++) {
        double power = 1;
        for (int k = 0; k < 5; k++, power *= s[i]) {
            m[k] += power;
            if (k < 3)
                v[k] += power * y[i];
        }
    }
    double a = m[2] * m[4] - m[3] * m[3], b = m[1] * m[4] - m[2] * m[3];
    double c = m[1] * m[3] - m[2] * m[2], d = m[0] * m[4] - m[2] * m[2];
    double f = m[0] * m[3] - m[1] * m[2], g = m[0] * m[2] - m[1] * m[1];
    double det = m[0] * a - m[1] * b + m[2] * c;
    t->c0 = (v[0] * a - v[1] * b + v[2] * c) / det;
    t->c1 = (-v[0] * b + v[1] * d - v[2] * f) / det;
    t->c2 = (v[0] * c - v[1] * f + v[2] * g) / det;
}

enum err fmr_tail_fit(const struct fmr_tail *t, struct fmr_curve *ret_curve, struct error *e)
{
    double scores[FIT_POINTS], levels[FIT_POINTS], sum = 0;
    if (!(t->pairs >= FMR_PAIRS_MIN))
        return error_set(e, ERR_UNPROCESSABLE,
                         "%.0f pairs of people are too few for a table of false-match rates",
                         t->pairs);
    double lowest = fmax(log10(PAIRS_IN_TAIL / t->pairs), LOG_FMR_LOW);
    int k = FIT_POINTS - 1;
    for (int bin = BINS - 1; bin >= 0 && k >= 0; bin--) {
        sum += t->bins[bin];
        for (; k >= 0; k--) {
            levels[k] = LOG_FMR_HIGH + (lowest - LOG_FMR_HIGH) * k / (FIT_POINTS - 1);
            if (sum / t->pairs < pow(10, levels[k]))
                break;
            scores[k] = bin_score(bin);
        }
    }
    if (k >= 0)
        return error_set(e, ERR_UNPROCESSABLE, "fewer scores were added than pairs");
    fit_parabola(scores, levels, FIT_POINTS, ret_curve);
    ret_curve->lowest_fmr = pow(10, lowest);
    return ERR_OK;
}

double fmr_tail_above(const struct fmr_tail *t, double score)
{
    double sum = 0;
    for (int bin = BINS - 1; bin >= 0 && bin_score(bin) > score; bin--)
        sum += t->bins[bin];
    return sum;
}

void fmr_interval(double hits, double n, double *ret_low, double *ret_high)
{
    const double z = 1.959964; /* 97.5 % of the normal distribution */
    double p = hits / n, wide = 1 + z * z / n;
    double middle = (p + z * z / (2 * n)) / wide;
    double half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / wide;
    *ret_low = hits > 0 ? fmax(middle - half, 0) : 0;
    *ret_high = hits > 0 ? fmin(middle + half, 1) : fmin(3 / n, 1);
}
