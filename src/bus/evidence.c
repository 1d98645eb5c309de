/* Evidence and scores of the in-process bus: the sightings of one student in one session
 * (shared.h), counted, or with a score each, averaged.
 *
 * Model: under a key, the BUS_EVIDENCE_MAX newest sightings not older than the rule's window before
 * the newest, sorted by time, then by the frame's hash. What is kept and what is counted depend on
 * the set of sightings added and not on their order: an older one that falls out can never come to
 * count again, since the newest only grows newer.
 * Frames are told apart by a 64-bit keyed hash (a collision, at 2^-64 a pair, costs one sighting).
 */
#include "base/mem.h"
#include "bus/shared.h"

/* How long a key without a new sighting is kept; a lost one costs one more sighting. */
#define EVIDENCE_IDLE USEC_PER_HOUR

struct sighting {
    usec_t captured_at;
    uint64_t frame; /* hash */
    double score;   /* 0 in evidence */
};

struct evidence {
    struct keep_entry entry;
    size_t n, capacity;
    struct sighting *at; /* [capacity], sorted; owned */
    char key[BUS_KEY_MAX];
};

void evidence_done(struct keep_entry *entry) { mem_free(((struct evidence *)(void *)entry)->at); }

/* Room for one sighting more. */
static enum err reserve(struct keep *shelf, struct evidence *ev, struct error *e)
{
    if (ev->n < ev->capacity)
        return ERR_OK;
    size_t capacity = ev->capacity ? 2 * ev->capacity : 4;
    struct sighting *at = mem_resize(ev->at, capacity * sizeof(*at));
    if (!at)
        return error_set(e, ERR_NOMEM, "no memory for a sighting");
    ev->at = at;
    ev->capacity = capacity;
    keep_reweigh(shelf, &ev->entry, sizeof(*ev) + capacity * sizeof(*at));
    return ERR_OK;
}

static enum err find_or_add(struct keep *shelf, usec_t now, struct str key,
                            struct evidence **ret_ev, struct error *e)
{
    struct evidence *ev = (struct evidence *)(void *)keep_find(shelf, key, now);
    if (!ev) {
        ev = mem_alloc(sizeof(*ev));
        if (!ev)
            return error_set(e, ERR_NOMEM, "no memory for a sighting");
        memcpy(ev->key, key.p, key.n);
        ev->entry = (struct keep_entry){.key = {ev->key, key.n},
                                        .expires = keep_until(now, EVIDENCE_IDLE),
                                        .weight = sizeof(*ev)};
        enum err r = keep_add(shelf, &ev->entry, now, e);
        if (r) {
            mem_free(ev);
            return r;
        }
    }
    ev->entry.expires = keep_until(now, EVIDENCE_IDLE);
    *ret_ev = ev;
    return ERR_OK;
}

static void insert(struct evidence *ev, struct sighting new)
{
    size_t i = ev->n++;
    for (; i > 0 &&
           (ev->at[i - 1].captured_at > new.captured_at ||
            (ev->at[i - 1].captured_at == new.captured_at && ev->at[i - 1].frame > new.frame));
         i--)
        ev->at[i] = ev->at[i - 1];
    ev->at[i] = new;
}

/* Lets go of what is outside the window and of the oldest beyond the maximum. */
static void prune(struct evidence *ev, usec_t window)
{
    size_t gone = ev->n > BUS_EVIDENCE_MAX ? ev->n - BUS_EVIDENCE_MAX : 0;
    usec_t newest = ev->at[ev->n - 1].captured_at;
    while (gone < ev->n && newest - ev->at[gone].captured_at > window)
        gone++;
    memmove(ev->at, ev->at + gone, (ev->n - gone) * sizeof(ev->at[0]));
    ev->n -= gone;
}

static int count(const struct evidence *ev, usec_t gap)
{
    int n = 0;
    usec_t counted = 0;
    for (size_t i = 0; i < ev->n; i++) {
        if (n > 0 && ev->at[i].captured_at - counted < gap)
            continue;
        counted = ev->at[i].captured_at;
        n++;
    }
    return n;
}

/* Of one frame told twice the lower score stands, whichever came first. */
static enum err add(struct keep *shelf, usec_t now, struct str key, struct sighting new,
                    usec_t window, struct evidence **ret_ev, struct error *e)
{
    struct evidence *ev = NULL;
    bool known = false;
    enum err r = find_or_add(shelf, now, key, &ev, e);
    if (!r)
        r = reserve(shelf, ev, e);
    if (r)
        return r;
    for (size_t i = 0; i < ev->n && !known; i++) {
        known = ev->at[i].frame == new.frame;
        if (known && new.score < ev->at[i].score)
            ev->at[i].score = new.score;
    }
    if (!known)
        insert(ev, new);
    prune(ev, window);
    *ret_ev = ev;
    return ERR_OK;
}

enum err shared_evidence_add(struct shared *s, usec_t now, struct str key, struct str frame,
                             usec_t captured_at, const struct bus_evidence_rule *rule,
                             int *ret_count, struct error *e)
{
    struct evidence *ev;
    const struct sighting new = {.captured_at = captured_at, .frame = hashmap_hash(frame)};
    enum err r = add(&s->evidence, now, key, new, rule->window, &ev, e);
    if (!r)
        *ret_count = count(ev, rule->gap);
    return r;
}

enum err shared_score_add(struct shared *s, usec_t now, struct str key, struct str frame,
                          usec_t captured_at, double score, usec_t window,
                          struct bus_score *ret_score, struct error *e)
{
    struct evidence *ev;
    const struct sighting new = {
        .captured_at = captured_at, .frame = hashmap_hash(frame), .score = score};
    enum err r = add(&s->scores, now, key, new, window, &ev, e);
    if (r)
        return r;
    bool within = false;
    double sum = 0;
    for (size_t i = 0; i < ev->n; i++) {
        sum += ev->at[i].score;
        within = within || ev->at[i].frame == new.frame;
    }
    *ret_score = within ? (struct bus_score){.mean = sum / (double)ev->n, .count = (int)ev->n}
                        : (struct bus_score){.mean = score, .count = 1};
    return ERR_OK;
}
