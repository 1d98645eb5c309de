/* A camera at work. See live.h.
 *
 * The sender thread owns the source and a connection of its own; the caller's thread owns the feed,
 * the feedback and all printing. They meet in struct live under one lock: the table of frames on
 * their way (id -> name), a short queue of notes to print, and the counts. A result may overtake
 * the answer to its own POST, so the reader waits a moment for the sender to write the id down.
 * Invariant: each frame sent ends in exactly one of processed, dropped, refused, lost. */
#include "cmd/live.h"

#include "base/id.h"
#include "base/mem.h"
#include "cmd/words.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

enum {
    NAME_TEXT = 128,
    NOTE_TEXT = 300,
    FLIGHTS_MAX = 4096, /* frames on their way that are remembered */
    NOTES_MAX = 64,
    TRIES_MAX = 8,          /* posts of one frame */
    RESULT_WAIT_S = 20,     /* without any event, once everything is sent */
    PHOTO_WAIT_S = 180,     /* the same for class photos */
    RECONNECT_MAX = 10,     /* attempts to open the feed again */
    OVERTAKE_WAIT_MS = 300, /* a result before the answer to its POST */
    FRAME_ARENA = 192 * 1024 * 1024,
};

struct flight {
    char frame[ID_TEXT];
    char name[NAME_TEXT];
};

struct note {
    char name[NAME_TEXT];
    const char *status;
    char text[NOTE_TEXT];
};

struct live {
    const struct live_options *options;
    struct frames *source;
    struct remote *remote; /* the sender's own */
    char boot[ID_TEXT];

    pthread_mutex_t lock; /* guards everything below */
    pthread_cond_t landed;
    struct flight *flights; /* [FLIGHTS_MAX], owned */
    int n_flights;
    struct note notes[NOTES_MAX];
    int n_notes;
    struct live_counts counts;
    bool sender_done;
    struct error failure; /* why the sender ended early; code OK when it did not */
};

static atomic_bool *signal_stop;

static void on_signal(int number)
{
    (void)number;
    atomic_store(signal_stop, true);
}

void live_stop_on_signals(atomic_bool *stop)
{
    signal_stop = stop;
    struct sigaction act = {.sa_handler = on_signal};
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
}

static usec_t result_wait(const struct live *l)
{
    return (l->options->class_photos ? PHOTO_WAIT_S : RESULT_WAIT_S) * USEC_PER_SEC;
}

static bool stopped(const struct live *l) { return atomic_load(l->options->stop); }

/* Sleeps in short steps so that Ctrl-C is felt. */
static void wait_until(const struct live *l, usec_t at_mono)
{
    for (usec_t now = time_mono(); now < at_mono && !stopped(l); now = time_mono()) {
        usec_t step = at_mono - now < 50 * USEC_PER_MSEC ? at_mono - now : 50 * USEC_PER_MSEC;
        usleep((useconds_t)step);
    }
}

/* ---- what both threads share; each function takes the lock */

static void put_note(struct live *l, const char *name, const char *status, const char *text)
{
    pthread_mutex_lock(&l->lock);
    if (l->n_notes < NOTES_MAX) {
        struct note *n = &l->notes[l->n_notes++];
        snprintf(n->name, sizeof n->name, "%s", name);
        snprintf(n->text, sizeof n->text, "%s", text);
        n->status = status;
    }
    pthread_mutex_unlock(&l->lock);
}

static void put_flight(struct live *l, const char *frame, const char *name)
{
    pthread_mutex_lock(&l->lock);
    l->counts.accepted++;
    if (l->n_flights == FLIGHTS_MAX) { /* forget the oldest: it ends as lost */
        memmove(l->flights, l->flights + 1, (FLIGHTS_MAX - 1) * sizeof *l->flights);
        l->n_flights--;
        l->counts.lost++;
    }
    struct flight *f = &l->flights[l->n_flights++];
    snprintf(f->frame, sizeof f->frame, "%s", frame);
    snprintf(f->name, sizeof f->name, "%s", name);
    pthread_cond_broadcast(&l->landed);
    pthread_mutex_unlock(&l->lock);
}

/* With the lock held: the flight's place, or -1. */
static int find_flight(const struct live *l, const char *frame)
{
    for (int i = 0; i < l->n_flights; i++)
        if (strcmp(l->flights[i].frame, frame) == 0)
            return i;
    return -1;
}

/* Takes the frame off the table and counts it in *counter; false when it is not ours. */
static bool take_flight(struct live *l, const char *frame, int64_t *counter,
                        char ret_name[static NAME_TEXT])
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += (long)OVERTAKE_WAIT_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&l->lock);
    int at = find_flight(l, frame);
    while (at < 0 && !l->sender_done &&
           l->counts.sent > l->counts.accepted + l->counts.refused + l->counts.lost) {
        if (pthread_cond_timedwait(&l->landed, &l->lock, &until) != 0)
            break;
        at = find_flight(l, frame);
    }
    if (at >= 0) {
        snprintf(ret_name, NAME_TEXT, "%s", l->flights[at].name);
        l->n_flights--;
        memmove(l->flights + at, l->flights + at + 1,
                (size_t)(l->n_flights - at) * sizeof *l->flights);
        ++*counter;
        pthread_cond_broadcast(&l->landed);
    }
    pthread_mutex_unlock(&l->lock);
    return at >= 0;
}

static int on_their_way(struct live *l)
{
    pthread_mutex_lock(&l->lock);
    int n = l->n_flights;
    pthread_mutex_unlock(&l->lock);
    return n;
}

static void count(struct live *l, int64_t *counter)
{
    pthread_mutex_lock(&l->lock);
    ++*counter;
    pthread_mutex_unlock(&l->lock);
}

static void sender_failed(struct live *l, const struct error *e)
{
    pthread_mutex_lock(&l->lock);
    l->failure = *e;
    pthread_mutex_unlock(&l->lock);
}

/* ---- the sender thread */

/* The path that names this frame to the server: the same for every try. */
static char *frame_path(const struct live *l, struct arena *a, int64_t seq)
{
    char now[TIME_TEXT];
    time_format_iso(time_utc(), now);
    const char *camera = l->options->camera;
    return arena_printf(a, "/v1/sessions/%s/%s?boot=%s&seq=%lld&captured_at=%s%s%s",
                        l->options->session, l->options->class_photos ? "photos" : "frames",
                        l->boot, (long long)seq, now, camera[0] ? "&camera=" : "", camera);
}

enum post_outcome { POST_DONE, POST_AGAIN, POST_FATAL };

/* What an answer means for the frame; e is set for AGAIN and FATAL. */
static enum post_outcome judge_answer(struct live *l, int status, const json_t *answer,
                                      const char *name, struct error *e)
{
    if (status == 200 || status == 202) {
        const json_t *photo = json_array_get(json_object_get(answer, "photos"), 0);
        put_flight(l, json_text(photo ? photo : answer, "frame"), name);
        return POST_DONE;
    }
    (void)remote_problem(status, answer, e);
    if (status == 503 || status == 429 || status == 504)
        return POST_AGAIN;
    if (status == 401 && remote_refresh(l->remote)) /* the server was restarted */
        return POST_AGAIN;
    if (status == 401 || status == 403 || status == 404 || status == 409)
        return POST_FATAL;
    count(l, &l->counts.refused);
    put_note(l, name, "refused", e->msg);
    return POST_DONE;
}

/* Posts one frame, trying again while the server is busy or away. Errors end the run. */
static enum err post_frame(struct live *l, struct arena *a, int64_t seq, const struct frame *frame,
                           struct error *e)
{
    char *path = frame_path(l, a, seq);
    if (!path)
        return error_set(e, ERR_NOMEM, "out of memory");
    usec_t pause = USEC_PER_SEC / 2;
    struct error why = {.code = ERR_OK};
    for (int i = 0; i < TRIES_MAX && !stopped(l); i++) {
        int status = 0;
        json_t *answer = NULL;
        enum err r =
            remote_try(l->remote, a, HTTP_POST, path,
                       l->options->class_photos ? "image/jpeg" : "application/octet-stream",
                       frame->bytes, &status, &answer, &why);
        enum post_outcome outcome =
            r ? POST_AGAIN : judge_answer(l, status, answer, frame->name.p, &why);
        json_decref(answer);
        if (outcome == POST_DONE)
            return ERR_OK;
        if (outcome == POST_FATAL) {
            count(l, &l->counts.refused);
            return error_set(e, why.code, "%s", why.msg);
        }
        wait_until(l, time_mono() + (r ? pause : remote_retry_after(l->remote, pause)));
        pause = pause < 8 * USEC_PER_SEC ? 2 * pause : pause;
    }
    count(l, &l->counts.lost);
    put_note(l, frame->name.p, "lost", why.msg[0] ? why.msg : "stopped before it was sent");
    return ERR_OK;
}

/* Waits until fewer than in_flight_max frames are on their way. */
static void wait_for_room(struct live *l)
{
    usec_t until = time_mono() + result_wait(l);
    int limit = l->options->in_flight_max;
    while (limit > 0 && on_their_way(l) >= limit && time_mono() < until && !stopped(l))
        usleep(5000);
}

/* One frame from source to server. ret_over: nothing more will come. */
static void send_next(struct live *l, struct arena *a, int64_t seq, bool *ret_over)
{
    struct frame frame = {0};
    struct error e = {.code = ERR_OK};
    enum err r = frames_next(l->source, a, &frame, ret_over, &e);
    if (*ret_over && !r)
        return;
    if (r && stopped(l)) {
        *ret_over = true;
        return;
    }
    count(l, &l->counts.sent);
    if (r) {
        count(l, &l->counts.refused);
        put_note(l, frame.name.n ? frame.name.p : "", "refused", e.msg);
        *ret_over = r == ERR_IO || r == ERR_UNAVAILABLE;
        return;
    }
    if (post_frame(l, a, seq, &frame, &e)) {
        sender_failed(l, &e);
        *ret_over = true;
    }
}

static void *sender_main(void *ctx)
{
    struct live *l = ctx;
    struct arena *a = arena_new(FRAME_ARENA);
    usec_t step = (usec_t)((double)USEC_PER_SEC / l->options->fps), due = time_mono();
    bool over = a == NULL;
    for (int64_t seq = 1; !over && !stopped(l); seq++) {
        wait_for_room(l);
        if (!frames_is_live(l->source))
            wait_until(l, due);
        usec_t now = time_mono();
        due = due + step > now ? due + step : now;
        if (!stopped(l))
            send_next(l, a, seq, &over);
        arena_reset(a);
    }
    arena_free(a);
    pthread_mutex_lock(&l->lock);
    l->sender_done = true;
    pthread_cond_broadcast(&l->landed);
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* ---- the caller's thread */

struct reader {
    struct live *live;
    struct remote *remote; /* borrowed: the feed's address and token */
    struct feedback *feedback;
    struct http_feed *feed;
    int64_t last_id; /* of the newest event seen; 0: none */
    usec_t last_event;
    bool session_over;
    int reconnects;
};

static enum err open_feed(struct reader *r, struct error *e)
{
    /* Also the first time: the server subscribes us a moment after it accepted the connection, and
     * a result that is faster than that comes with what was "missed". after=0: all that is kept. */
    char path[160 + ID_TEXT];
    snprintf(path, sizeof path, "/v1/sessions/%s/events?after=%lld", r->live->options->session,
             (long long)r->last_id);
    return http_feed_open(remote_url(r->remote), remote_token(r->remote), path, &r->feed, e);
}

static void print_notes(struct reader *r)
{
    struct live *l = r->live;
    for (;;) {
        struct note n;
        pthread_mutex_lock(&l->lock);
        bool has = l->n_notes > 0;
        if (has) {
            n = l->notes[0];
            l->n_notes--;
            memmove(l->notes, l->notes + 1, (size_t)l->n_notes * sizeof *l->notes);
        }
        pthread_mutex_unlock(&l->lock);
        if (!has)
            return;
        feedback_note(r->feedback, n.name, n.status, n.text);
    }
}

static void handle_event(struct reader *r, const json_t *event)
{
    struct live *l = r->live;
    const char *type = json_text(event, "type"), *frame = json_text(event, "frame");
    char name[NAME_TEXT] = "";
    bool first = r->last_id == 0, has_id = json_is_integer(json_object_get(event, "id"));
    if (has_id)
        r->last_id = json_integer_value(json_object_get(event, "id"));
    if (strcmp(type, "frame_result") == 0) {
        if (!take_flight(l, frame, &l->counts.processed, name))
            return; /* another camera's */
        feedback_result(r->feedback, name, event);
        if (l->options->on_result)
            l->options->on_result(l->options->ctx, name, event);
    } else if (strcmp(type, "frame_dropped") == 0) {
        if (take_flight(l, frame, &l->counts.dropped, name))
            feedback_note(r->feedback, name, "dropped", json_text(event, "reason"));
    } else if (strcmp(type, "session_changed") == 0) {
        r->session_over = strcmp(json_text(event, "status"), "closed") == 0;
    } else if (strcmp(type, "lag") == 0 && !first && !has_id) { /* else it tells of others' past */
        char text[160], lost[24] = "some";
        if (json_is_number(json_object_get(event, "lost")))
            snprintf(lost, sizeof lost, "%.0f", json_num(event, "lost"));
        snprintf(text, sizeof text, "the feed skipped %s messages (%.60s)", lost,
                 json_text(event, "reason"));
        feedback_note(r->feedback, "", "lag", text);
    }
}

/* The feed closed: opens it again, a bounded number of times. */
static enum err reopen_feed(struct reader *r, struct error *e)
{
    http_feed_close(TAKE(r->feed));
    enum err err = error_set(e, ERR_UNAVAILABLE, "the server closed the feed");
    while (err == ERR_UNAVAILABLE && r->reconnects < RECONNECT_MAX && !stopped(r->live)) {
        r->reconnects++;
        wait_until(r->live, time_mono() + USEC_PER_SEC);
        print_notes(r);
        (void)remote_refresh(r->remote);
        err = open_feed(r, e);
    }
    return err;
}

/* True when nothing more is to be waited for. */
static bool reader_done(struct reader *r)
{
    struct live *l = r->live;
    pthread_mutex_lock(&l->lock);
    bool sent = l->sender_done;
    int left = l->n_flights;
    pthread_mutex_unlock(&l->lock);
    usec_t patience = stopped(l) ? 2 * USEC_PER_SEC : result_wait(l);
    if (r->session_over)
        patience = USEC_PER_SEC;
    return sent && (left == 0 || time_mono() - r->last_event > patience);
}

static enum err read_feed(struct reader *r, struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(8 * MIB);
    if (!a)
        return error_set(e, ERR_NOMEM, "out of memory");
    r->last_event = time_mono();
    while (!reader_done(r)) {
        struct str message;
        struct error inner = {.code = ERR_OK};
        enum err err = http_feed_next(r->feed, a, 100 * USEC_PER_MSEC, &message, &inner);
        print_notes(r);
        if (err == ERR_OK) {
            json_t *event = json_loadb(message.p, message.n, 0, NULL);
            r->last_event = time_mono();
            r->reconnects = 0;
            handle_event(r, event);
            json_decref(event);
        } else if (err != ERR_TIMEOUT) {
            if (r->session_over)
                return ERR_OK;
            if (err == ERR_UNAVAILABLE || (err == ERR_UNAUTHENTICATED && remote_refresh(r->remote)))
                err = reopen_feed(r, &inner);
            if (err)
                return error_set(e, err, "%s", inner.msg);
        }
        arena_reset(a);
        if (r->session_over)
            atomic_store(r->live->options->stop, true);
    }
    return ERR_OK;
}

static enum err run_threads(struct live *l, struct reader *reader, struct error *e)
{
    pthread_t sender;
    enum err r = open_feed(reader, e);
    if (r)
        return r;
    if (pthread_create(&sender, NULL, sender_main, l) != 0)
        return error_set(e, ERR_NOMEM, "cannot start a thread");
    r = read_feed(reader, e);
    if (r)
        atomic_store(l->options->stop, true);
    pthread_join(sender, NULL);
    print_notes(reader);
    if (!r && l->failure.code)
        r = error_set(e, l->failure.code, "%s", l->failure.msg);
    return r;
}

enum err live_run(struct remote *remote, struct frames *source, struct feedback *feedback,
                  const struct live_options *o, struct live_counts *ret_counts, struct error *e)
{
    struct live *l = mem_alloc(sizeof *l);
    struct flight *flights = mem_array(FLIGHTS_MAX, sizeof *flights);
    enum err r = ERR_NOMEM;
    *ret_counts = (struct live_counts){0};
    if (l && flights) {
        *l = (struct live){.options = o, .source = source, .flights = flights};
        pthread_mutex_init(&l->lock, NULL);
        pthread_cond_init(&l->landed, NULL);
        id_new(l->boot);
        struct reader reader = {.live = l, .remote = remote, .feedback = feedback};
        r = remote_copy(remote, &l->remote, e);
        if (!r)
            r = run_threads(l, &reader, e);
        http_feed_close(reader.feed);
        remote_close(l->remote);
        *ret_counts = l->counts;
        ret_counts->lost += l->n_flights;
        pthread_cond_destroy(&l->landed);
        pthread_mutex_destroy(&l->lock);
    } else {
        r = error_set(e, ERR_NOMEM, "out of memory");
    }
    mem_free(flights);
    mem_free(l);
    return r;
}

void live_print_counts(FILE *out, const struct live_counts *c)
{
    fprintf(out, "%lld sent, %lld accepted, %lld processed, %lld dropped", (long long)c->sent,
            (long long)c->accepted, (long long)c->processed, (long long)c->dropped);
    if (c->refused > 0)
        fprintf(out, ", %lld refused", (long long)c->refused);
    if (c->lost > 0)
        fprintf(out, ", %lld lost", (long long)c->lost);
    fputc('\n', out);
    fflush(out);
}
