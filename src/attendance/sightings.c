/* Sightings and thresholds: see sightings.h. Cost: a pass over 200 bins. Called for each confirmed
 * sighting (the bin) and by `rollcall calibrate`. */
#include "attendance/sightings.h"

#include <math.h>

static const double BINS_PER_SCORE = SIGHTING_BINS / 2.0;
static const double EDGE_SLACK = 1e-9; /* .3 is the lower edge of its bin, whatever binary says */

static const char *const kind_names[] = {
#define X(code, word) word,
    SIGHTING_KIND_MAP(X)
#undef X
};

const char *sighting_kind_name(enum sighting_kind kind) { return kind_names[kind]; }

int sighting_bin(double score)
{
    double at = floor((score + 1) * BINS_PER_SCORE + EDGE_SLACK);
    return at < 0 ? 0 : at < SIGHTING_BINS ? (int)at : SIGHTING_BINS - 1;
}

static double bin_edge(int bin) { return bin / BINS_PER_SCORE - 1; }

int64_t sightings_total(const struct sightings *s, enum sighting_kind kind)
{
    int64_t n = 0;
    for (int i = 0; i < SIGHTING_BINS; i++)
        n += s->bins[kind][i];
    return n;
}

int64_t sightings_runner_ups(const struct sightings *s)
{
    return sightings_total(s, SIGHTING_ROSTER) + sightings_total(s, SIGHTING_GALLERY);
}

static int64_t runner_ups_in(const struct sightings *s, bool roster_only, int bin)
{
    return s->bins[SIGHTING_ROSTER][bin] + (roster_only ? 0 : s->bins[SIGHTING_GALLERY][bin]);
}

int64_t sightings_above(const struct sightings *s, bool roster_only, double score)
{
    int64_t n = 0;
    if (score > 1)
        return 0;
    for (int i = sighting_bin(score); i < SIGHTING_BINS; i++)
        n += runner_ups_in(s, roster_only, i);
    return n;
}

int64_t sightings_lost(const struct sightings *s, double score)
{
    int64_t n = 0;
    for (int i = 0; i < sighting_bin(score); i++)
        n += s->bins[SIGHTING_GENUINE][i];
    return n;
}

int64_t sightings_needed(double budget_per_10k)
{
    return budget_per_10k > 0 ? (int64_t)ceil(SIGHTINGS_TAIL_MIN * 1e4 / budget_per_10k)
                              : INT64_MAX;
}

/* The lowest bin edge with at most `most` runner-ups above. */
static double edge_of(const struct sightings *s, bool roster_only, double most)
{
    int64_t above = 0;
    int bin = SIGHTING_BINS;
    while (bin > 0) {
        above += runner_ups_in(s, roster_only, bin - 1);
        if ((double)above > most)
            break;
        bin--;
    }
    return bin_edge(bin);
}

double sightings_raise(const struct sightings *s, double budget_per_10k, double gallery,
                       double roster)
{
    int64_t n = sightings_runner_ups(s);
    double most = (double)n * budget_per_10k / 1e4, raise = 0;
    if (n < sightings_needed(budget_per_10k))
        return 0;
    if (isfinite(gallery))
        raise = fmax(raise, edge_of(s, false, most) - gallery);
    if (isfinite(roster))
        raise = fmax(raise, edge_of(s, true, most) - roster);
    return raise;
}
