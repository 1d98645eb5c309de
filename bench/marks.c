/* How many marks a second a database takes: the transaction that frames and corrections run, from
 * several threads at once, each on a session of its own.
 *
 *     marks DATABASE THREADS SECONDS < IDS      DATABASE: an SQLite file or postgresql://...
 *
 * For bench/register.py, which gives the ids of sessions and students, an empty line between.
 * Rows, chains and outbox are real; the chains are hashed under a key of this program's own. */
#include "attendance/chain.h"
#include "base/id.h"
#include "store/mark.h"

#include <inttypes.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS_MAX = 64, STUDENTS_MAX = 10000, SESSIONS_MAX = 512, LATENCIES = 1 << 20 };

static const uint8_t key[32] = "a key of the benchmark, not real";
static struct db *db;
static struct student_id students[STUDENTS_MAX];
static struct session_id sessions[SESSIONS_MAX];
static int n_students, n_sessions;
static atomic_llong next_mark;
static atomic_int n_latencies;
static int32_t latencies[LATENCIES]; /* microseconds */
static usec_t until;

static void hash(void *ctx, const struct register_event *event, uint8_t *ret_hash)
{
    (void)ctx;
    const struct chain_event ev = {.chain = event->chain,
                                   .seq = event->seq,
                                   .at = event->at,
                                   .actor = event->actor,
                                   .student = event->student,
                                   .payload = event->payload};
    chain_hash(key, event->prev_hash, &ev, ret_hash);
}

struct making {
    struct mark m;
    struct arena *a;
    enum mark_outcome outcome;
};

static enum err mark_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    static const struct register_hasher hasher = {.fn = hash};
    struct making *t = ctx;
    const struct outbox_event outbox = {STR("session/bench"), STR("{\"type\":\"mark_changed\"}")};
    return mark_insert(cx, t->a, &t->m, STR("bench"), &hasher, outbox, &t->outcome, NULL, e);
}

static void mark_one(struct making *t, int64_t i)
{
    static const char receipt[] = "{\"similarity\":0.7312,\"threshold\":0.55,\"margin\":0.31,"
                                  "\"camera\":\"door\",\"frames\":2}";
    struct error e = {0};
    t->m = (struct mark){.session = sessions[i % n_sessions],
                         .student = students[i / n_sessions % n_students],
                         .status = STR("present"),
                         .source = STR("face"),
                         .first_seen = time_utc(),
                         .receipt = str_from(receipt)};
    t->m.last_seen = t->m.first_seen;
    id_new(t->m.frame.text);
    usec_t begun = time_mono();
    if (db_tx(db, mark_fn, t, &e)) {
        fprintf(stderr, "marks: %s\n", e.msg);
        exit(1);
    }
    int at = t->outcome == MARK_MADE ? atomic_fetch_add(&n_latencies, 1) : LATENCIES;
    if (at < LATENCIES)
        latencies[at] = (int32_t)(time_mono() - begun);
    arena_reset(t->a);
}

static void *work(void *ctx)
{
    struct making t = {.a = arena_new(MIB)};
    (void)ctx;
    while (time_mono() < until)
        mark_one(&t, atomic_fetch_add(&next_mark, 1));
    arena_free(t.a);
    return NULL;
}

/* Ids, one a line: sessions, an empty line, students. */
static void ids_read(void)
{
    char line[64];
    bool second = false;
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        if (!line[0])
            second = true;
        else if (second && n_students < STUDENTS_MAX)
            memcpy(students[n_students++].text, line, ID_TEXT);
        else if (!second && n_sessions < SESSIONS_MAX)
            memcpy(sessions[n_sessions++].text, line, ID_TEXT);
    }
}

static int by_size(const void *a, const void *b)
{
    return *(const int32_t *)a - *(const int32_t *)b;
}

static int number(const char *text)
{
    int64_t n = 0;
    return str_to_i64(str_from(text), &n, NULL) || n < 1 || n > THREADS_MAX ? 1 : (int)n;
}

int main(int argc, char **argv)
{
    struct error e = {0};
    if (argc != 4 || sodium_init() < 0) {
        fprintf(stderr, "usage: marks DATABASE THREADS SECONDS < IDS\n");
        return 2;
    }
    int threads = number(argv[2]);
    const struct db_options o = {.path = argv[1], .readers = 1, .connections = threads};
    bool postgres = strncmp(argv[1], "postgres", 8) == 0;
    if (postgres ? db_postgres_open(&o, &db, &e) : db_sqlite_open(&o, &db, &e)) {
        fprintf(stderr, "marks: %s\n", e.msg);
        return 1;
    }
    ids_read();
    usec_t begun = time_mono();
    until = begun + number(argv[3]) * USEC_PER_SEC;
    pthread_t ids[THREADS_MAX];
    for (int i = 0; i < threads && i < THREADS_MAX; i++)
        pthread_create(&ids[i], NULL, work, NULL);
    for (int i = 0; i < threads && i < THREADS_MAX; i++)
        pthread_join(ids[i], NULL);
    double seconds = (double)(time_mono() - begun) / USEC_PER_SEC;
    int n = n_latencies < LATENCIES ? n_latencies : LATENCIES;
    qsort(latencies, (size_t)n, sizeof latencies[0], by_size);
    printf("%d marks in %.1f s: %.0f marks/s, p50 %.2f ms, p95 %.2f ms\n", n_latencies, seconds,
           n_latencies / seconds, latencies[n / 2] / 1000.0, latencies[n * 95 / 100] / 1000.0);
    db_close(db);
    return 0;
}
