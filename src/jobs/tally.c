/* The tally: see tally.h. A slot an engine, since a switch has two and a way back; a flush takes a
 * slot's counts out under the lock and writes them in one transaction, in order of bins. */
#include "jobs/tally.h"

#include "base/mem.h"
#include "store/sighting.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { SLOTS = 4, NAME_TEXT = 128 };

struct slot {
    char encoder[NAME_TEXT], preprocessing[NAME_TEXT];
    struct sightings scores[SCORE_KIND_N];
    bool dirty;
};

struct tally {
    pthread_mutex_t lock;
    struct slot slots[SLOTS];
};

enum err tally_new(struct tally **ret_tally, struct error *e)
{
    struct tally *t = mem_alloc(sizeof *t);
    if (!t)
        return error_set(e, ERR_NOMEM, "no memory to count sightings");
    pthread_mutex_init(&t->lock, NULL);
    *ret_tally = t;
    return ERR_OK;
}

void tally_free(struct tally *t)
{
    if (!t)
        return;
    pthread_mutex_destroy(&t->lock);
    mem_free(t);
}

static struct slot *slot_of(struct tally *t, const char *encoder, const char *preprocessing)
{
    for (int i = 0; i < SLOTS; i++) {
        struct slot *s = &t->slots[i];
        if (!s->encoder[0]) {
            snprintf(s->encoder, NAME_TEXT, "%s", encoder);
            snprintf(s->preprocessing, NAME_TEXT, "%s", preprocessing);
        }
        if (strcmp(s->encoder, encoder) == 0 && strcmp(s->preprocessing, preprocessing) == 0)
            return s;
    }
    return NULL;
}

void tally_add(struct tally *t, const char *encoder, const char *preprocessing,
               enum score_kind score, enum sighting_kind kind, double value)
{
    pthread_mutex_lock(&t->lock);
    struct slot *s = slot_of(t, encoder, preprocessing);
    if (s) {
        s->scores[score].bins[kind][sighting_bin(value)]++;
        s->dirty = true;
    }
    pthread_mutex_unlock(&t->lock);
}

static int counts_of(const struct sightings *s, struct sighting_count *ret_counts)
{
    int n = 0;
    for (int kind = 0; kind < SIGHTING_KIND_N; kind++)
        for (int bin = 0; bin < SIGHTING_BINS; bin++)
            if (s->bins[kind][bin])
                ret_counts[n++] = (struct sighting_count){
                    .what = str_from(sighting_kind_name((enum sighting_kind)kind)),
                    .bin = bin,
                    .sightings = s->bins[kind][bin]};
    return n;
}

struct flush {
    const struct slot *slot;
    struct sighting_count *counts; /* room for all of one kind of score */
};

static enum err flush_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    const struct flush *f = ctx;
    enum err r = ERR_OK;
    for (int k = 0; !r && k < SCORE_KIND_N; k++) {
        const struct sighting_of of = {.encoder = str_from(f->slot->encoder),
                                       .preprocessing = str_from(f->slot->preprocessing),
                                       .score_kind = str_from(score_kind_name((enum score_kind)k))};
        r = sighting_add(cx, &of, f->counts, counts_of(&f->slot->scores[k], f->counts), e);
    }
    return r;
}

/* Takes what slot i holds out of the tally; false: nothing. */
static bool take(struct tally *t, int i, struct slot *ret_taken)
{
    pthread_mutex_lock(&t->lock);
    struct slot *s = &t->slots[i];
    bool any = s->dirty;
    if (any) {
        *ret_taken = *s;
        memset(s->scores, 0, sizeof s->scores);
        s->dirty = false;
    }
    pthread_mutex_unlock(&t->lock);
    return any;
}

static void put_back(struct tally *t, int i, const struct slot *taken)
{
    pthread_mutex_lock(&t->lock);
    struct slot *s = &t->slots[i];
    for (int k = 0; k < SCORE_KIND_N; k++)
        for (int kind = 0; kind < SIGHTING_KIND_N; kind++)
            for (int bin = 0; bin < SIGHTING_BINS; bin++)
                s->scores[k].bins[kind][bin] += taken->scores[k].bins[kind][bin];
    s->dirty = true;
    pthread_mutex_unlock(&t->lock);
}

enum err tally_flush(struct tally *t, struct db *db, struct arena *a, struct error *e)
{
    struct slot *taken = arena_alloc(a, sizeof *taken);
    struct sighting_count *counts =
        arena_array(a, (size_t)SIGHTING_KIND_N * SIGHTING_BINS, sizeof *counts);
    if (!taken || !counts)
        return error_set(e, ERR_NOMEM, "no memory to store sightings");
    enum err r = ERR_OK;
    for (int i = 0; !r && i < SLOTS; i++) {
        if (!take(t, i, taken))
            continue;
        struct flush f = {.slot = taken, .counts = counts};
        r = db_tx(db, flush_fn, &f, e);
        if (r)
            put_back(t, i, taken);
    }
    return r;
}

struct reading {
    struct arena *a;
    struct sighting_of of;
    struct sighting_count *counts;
    int n;
};

static enum err read_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct reading *t = ctx;
    return sighting_list(cx, t->a, &t->of, &t->counts, &t->n, e);
}

enum err tally_read(struct db *db, struct arena *a, const char *encoder, const char *preprocessing,
                    enum score_kind score, struct sightings *ret_sightings, struct error *e)
{
    struct reading t = {.a = a,
                        .of = {.encoder = str_from(encoder),
                               .preprocessing = str_from(preprocessing),
                               .score_kind = str_from(score_kind_name(score))}};
    enum err r = db_read(db, read_fn, &t, e);
    if (r)
        return r;
    *ret_sightings = (struct sightings){0};
    for (int i = 0; i < t.n; i++)
        for (int kind = 0; kind < SIGHTING_KIND_N; kind++)
            if (str_is(t.counts[i].what, sighting_kind_name((enum sighting_kind)kind)) &&
                t.counts[i].bin >= 0 && t.counts[i].bin < SIGHTING_BINS)
                ret_sightings->bins[kind][t.counts[i].bin] += t.counts[i].sightings;
    return ERR_OK;
}
