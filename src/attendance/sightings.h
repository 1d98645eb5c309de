/* What live sightings say about thresholds: counts of scores, never whose (`rollcall calibrate`).
 *
 * Two kinds of scores of sightings that made or confirmed a mark: of the student who was seen
 * (genuine), and of the runner-up, the next best of the whole gallery, who is known to be somebody
 * else: what a stranger would have been taken for. Sightings of one person resemble each other, so
 * the intervals are narrower than the truth; and a runner-up too near the best makes no mark and is
 * not counted, so the rates are lower bounds. Therefore sightings raise a threshold and never lower
 * one. Pure; any thread. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Stable words of the database. */
#define SIGHTING_KIND_MAP(X)                                                                       \
    X(GENUINE, "genuine") /* the student's own score */                                            \
    X(ROSTER, "roster")   /* a runner-up on the roster */                                          \
    X(GALLERY, "gallery") /* a runner-up who is not */

enum sighting_kind {
#define X(code, word) SIGHTING_##code,
    SIGHTING_KIND_MAP(X)
#undef X
};
enum { SIGHTING_KIND_N = SIGHTING_GALLERY + 1 };

const char *sighting_kind_name(enum sighting_kind kind);

/* Scores from -1 to 1, 0.01 a bin; what lies outside counts in the nearest. */
enum { SIGHTING_BINS = 200 };

/* Runner-ups above a threshold that a rate of the risk budget must rest on: with 10 the interval
 * is about a factor 2 either way. 30 in 10,000 thus needs 3334 sightings. */
enum { SIGHTINGS_TAIL_MIN = 10 };

/* Scores of one kind (cosine, hub) of one encoder. */
struct sightings {
    int64_t bins[SIGHTING_KIND_N][SIGHTING_BINS];
};

int sighting_bin(double score);
int64_t sightings_total(const struct sightings *s, enum sighting_kind kind);
/* Runner-ups of both kinds: the sightings that rates are of. */
int64_t sightings_runner_ups(const struct sightings *s);
/* Runner-ups at or above the score, in whole bins: those of the score's own bin count. */
int64_t sightings_above(const struct sightings *s, bool roster_only, double score);
/* The student's own scores in bins wholly below the score. */
int64_t sightings_lost(const struct sightings *s, double score);
/* How many runner-ups a budget needs before sightings have a say. */
int64_t sightings_needed(double budget_per_10k);
/* By how much the thresholds of a table must rise, 0 or more: to where at most the budget's share
 * of runner-ups lies above, of anybody for the gallery's and of those on the roster for the
 * roster's; the larger of the two. A threshold that is not finite is left out. 0 with fewer than
 * sightings_needed. */
double sightings_raise(const struct sightings *s, double budget_per_10k, double gallery,
                       double roster);
