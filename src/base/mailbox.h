/* Mailboxes: the only place where threads meet.
 *
 * A bounded queue of messages {kind, id, bytes}. The sender hands the bytes over and keeps no
 * reference; the receiver frees them with message_done. Posting wakes the receiver: a thread that
 * waits in mailbox_wait, or an event loop through the `wake` function given at new.
 * Source: h2o_multithread_send_message, curl's Curl_thrdq. */
#pragma once

#include "base/str.h"
#include "base/time.h"

struct mailbox;

struct message {
    int kind;    /* the receiver's own enumeration */
    uint64_t id; /* whom it concerns: a connection, a delivery; never a pointer */
    char *p;     /* heap bytes owned by the message, may be NULL */
    size_t n;
};

typedef void (*mailbox_wake_fn)(void *ctx);

/* capacity messages; wake (may be NULL) is called by the poster, without locks held. */
struct mailbox *mailbox_new(size_t capacity, mailbox_wake_fn wake, void *ctx);
/* Frees it and every message still in it. No thread may post any more. */
void mailbox_free(struct mailbox *m);

/* Copies bytes into a new message. Errors FULL, NOMEM, UNAVAILABLE (closed). Thread: any. */
NODISCARD enum err mailbox_post(struct mailbox *m, int kind, uint64_t id, struct str bytes,
                                struct error *e);
/* The next message; false when there is none. The caller owns it. Thread: the receiver. */
bool mailbox_take(struct mailbox *m, struct message *ret_message);
/* Waits up to timeout for a message; false on timeout or when closed and empty. */
bool mailbox_wait(struct mailbox *m, usec_t timeout, struct message *ret_message);
/* No more posts; waiters wake up. Thread: any. */
void mailbox_close(struct mailbox *m);
size_t mailbox_count(struct mailbox *m);

void message_done(struct message *msg);
