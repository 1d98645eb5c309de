/* Mailboxes: see mailbox.h. A ring under one mutex; a condition variable for waiting threads.
 * Invariant: count <= capacity; the messages from head on, count of them, are owned by the ring. */
#include "base/mailbox.h"

#include "base/mem.h"

#include <pthread.h>
#include <time.h>

struct mailbox {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct message *ring; /* owned */
    size_t capacity, head, count;
    bool closed;
    mailbox_wake_fn wake;
    void *wake_ctx;
};

struct mailbox *mailbox_new(size_t capacity, mailbox_wake_fn wake, void *ctx)
{
    struct mailbox *m = mem_alloc(sizeof *m);
    if (!m)
        return NULL;
    m->ring = mem_array(capacity, sizeof *m->ring);
    if (!m->ring) {
        mem_free(m);
        return NULL;
    }
    pthread_mutex_init(&m->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&m->filled, &attr);
    pthread_condattr_destroy(&attr);
    m->capacity = capacity;
    m->wake = wake;
    m->wake_ctx = ctx;
    return m;
}

void mailbox_free(struct mailbox *m)
{
    if (!m)
        return;
    struct message msg;
    while (mailbox_take(m, &msg))
        message_done(&msg);
    pthread_cond_destroy(&m->filled);
    pthread_mutex_destroy(&m->lock);
    mem_free(m->ring);
    mem_free(m);
}

/* Puts the message in; false when it is full or closed. Under the lock only for the ring. */
static enum err ring_put(struct mailbox *m, const struct message *msg)
{
    enum err r = ERR_OK;
    pthread_mutex_lock(&m->lock);
    if (m->closed) {
        r = ERR_UNAVAILABLE;
    } else if (m->count == m->capacity) {
        r = ERR_FULL;
    } else {
        m->ring[(m->head + m->count++) % m->capacity] = *msg;
        pthread_cond_signal(&m->filled);
    }
    pthread_mutex_unlock(&m->lock);
    return r;
}

enum err mailbox_post(struct mailbox *m, int kind, uint64_t id, struct str bytes, struct error *e)
{
    struct message msg = {.kind = kind, .id = id, .n = bytes.n};
    if (bytes.n) {
        msg.p = mem_alloc(bytes.n);
        if (!msg.p)
            return error_set(e, ERR_NOMEM, "no memory for a message of %zu bytes", bytes.n);
        memcpy(msg.p, bytes.p, bytes.n);
    }
    enum err r = ring_put(m, &msg);
    if (r) {
        message_done(&msg);
        return error_set(e, r, r == ERR_FULL ? "the mailbox is full" : "the mailbox is closed");
    }
    if (m->wake)
        m->wake(m->wake_ctx);
    return ERR_OK;
}

/* Under the lock. */
static bool ring_take(struct mailbox *m, struct message *ret_message)
{
    if (m->count == 0)
        return false;
    *ret_message = m->ring[m->head];
    m->head = (m->head + 1) % m->capacity;
    m->count--;
    return true;
}

bool mailbox_take(struct mailbox *m, struct message *ret_message)
{
    pthread_mutex_lock(&m->lock);
    bool got = ring_take(m, ret_message);
    pthread_mutex_unlock(&m->lock);
    return got;
}

bool mailbox_wait(struct mailbox *m, usec_t timeout, struct message *ret_message)
{
    usec_t until = time_mono() + timeout;
    struct timespec ts = {.tv_sec = (time_t)(until / USEC_PER_SEC),
                          .tv_nsec = (long)(until % USEC_PER_SEC) * 1000};
    pthread_mutex_lock(&m->lock);
    int rc = 0;
    while (m->count == 0 && !m->closed && rc == 0)
        rc = pthread_cond_timedwait(&m->filled, &m->lock, &ts);
    bool got = ring_take(m, ret_message);
    pthread_mutex_unlock(&m->lock);
    return got;
}

void mailbox_close(struct mailbox *m)
{
    pthread_mutex_lock(&m->lock);
    m->closed = true;
    pthread_cond_broadcast(&m->filled);
    pthread_mutex_unlock(&m->lock);
}

size_t mailbox_count(struct mailbox *m)
{
    pthread_mutex_lock(&m->lock);
    size_t n = m->count;
    pthread_mutex_unlock(&m->lock);
    return n;
}

void message_done(struct message *msg)
{
    secure_free(msg->p, msg->n);
    *msg = (struct message){0};
}
