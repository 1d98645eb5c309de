/* Shared by the files of api/ only: the call that a handler answers, and the route table's row. */
#pragma once

#include "api/api.h"
#include "auth/permission.h"
#include "base/schema.h"
#include "store/idempotency.h"

enum { CALL_PARAMS_MAX = 3 };

/* One request on its way through a handler. Everything lives in req->arena. */
struct call {
    struct api *api;
    struct http_request *req;
    struct arena *a;
    struct principal who;
    struct str params[CALL_PARAMS_MAX]; /* of the path, decoded, in order */
    const void *in;                     /* the decoded body (route->in) */
    void *out;                          /* set by the handler: a struct of route->out */
    int status;                         /* starts as route->status */
    struct str location;                /* Location header */
    int64_t version;                    /* ETag when > 0 */
    struct str raw_body, raw_type;      /* answers that are not a schema (text, metrics) */
    int retry_after_s;                  /* with an error */
    bool pending;                       /* the answer comes later (frames?wait=1) */
    http_stream_fn stream;              /* makes what follows raw_body; NULL: nothing does */
    void *stream_ctx;
    const char *file_name; /* without its end: the answer is a CSV file to be saved; or NULL */
    struct str subject;    /* for the audit trail, where path and Location tell not */
    bool replayed;         /* the answer is an earlier one (Idempotency-Key) */
    /* idempotency.c: the claim, and what is stored under the key already */
    struct idempotency kept, kept_before;
    bool kept_claimed;
};

typedef enum err (*route_fn)(struct call *c, struct error *e);

/* A query parameter, for the API description. */
struct route_query {
    const char *name, *type, *doc;
};

enum route_flag {
    ROUTE_AUDIT = 1,     /* a GET of what is sensitive: audited, too */
    ROUTE_UNAUDITED = 2, /* frames and tickets: too many, and they change nothing by themselves */
    ROUTE_SECRET = 4,    /* the answer holds a secret that is told once */
};

/* Whose rows a route is about; row_rules.c says what each asks of a caller whose role does not
 * reach everything (permission.h). */
enum row_rule {
    ROW_UNSET,     /* forgotten: refused, and a test fails */
    ROW_NONE,      /* nobody's: the same for all who have the permission */
    ROW_SELF,      /* the caller's own, named by no id */
    ROW_ALL,       /* the whole institution's: only for roles that reach everything */
    ROW_LIST,      /* many: the handler gives c->who.scope to the query */
    ROW_COURSE,    /* the course of the path's first id */
    ROW_COURSE_IN, /* the course that the body names */
    ROW_SESSION,   /* the session of the path's first id */
    ROW_STUDENT,   /* the student of the path's first id */
    ROW_MARK,      /* the session of the first id; for a student also: the second is the own one */
};
enum { ROW_N = ROW_MARK + 1 };

enum body_kind { BODY_NONE, BODY_JSON, BODY_IMAGE, BODY_PHOTOS, BODY_CSV, BODY_ZIP, BODY_CALENDAR };

struct route {
    enum http_method method;
    const char *path;
    enum perm perm;
    enum row_rule rows;
    route_fn fn;
    enum body_kind body;
    const struct schema *in, *out;
    int status;
    const char *tag, *operation, *summary;
    unsigned errors; /* E(code) bits it may answer beyond the common ones */
    const struct route_query *query;
    int n_query;
    unsigned flags; /* of enum route_flag */
};

/* For the API description: "course". */
const char *row_rule_name(enum row_rule rule);
/* Before the body is read. Errors NOT_FOUND (not theirs, or not there), FORBIDDEN (a rule for those
 * who reach everything). */
NODISCARD enum err row_rule_path(struct call *c, enum row_rule rule, struct error *e);
/* With c->in decoded. Errors INVALID: names what is not theirs, or not there. */
NODISCARD enum err row_rule_body(struct call *c, const struct route *route, struct error *e);

#define E(code) (1u << ERR_##code)

extern const struct route routes[];
extern const int routes_n;

/* Reads path parameter i as an id. Errors NOT_FOUND: what cannot be an id names nothing. */
NODISCARD enum err call_id(struct call *c, int i, char ret_text[static ID_TEXT], struct error *e);
/* `limit` of a list: 1..200, default 50. Errors INVALID. */
NODISCARD enum err call_limit(struct call *c, int *ret_limit, struct error *e);
/* The same and `after` of a list. Errors INVALID. */
NODISCARD enum err call_page(struct call *c, int *ret_limit, char ret_after[static ID_TEXT],
                             struct error *e);
/* A query parameter, p NULL when absent. Errors INVALID. */
NODISCARD enum err call_query(struct call *c, const char *name, struct str *ret_value,
                              struct error *e);
/* A query parameter that is 1, or absent and false. Errors INVALID. */
NODISCARD enum err call_flag(struct call *c, const char *name, bool *ret_set, struct error *e);
/* A query parameter that is a time (RFC 3339); 0 when absent. Errors INVALID. */
NODISCARD enum err call_time(struct call *c, const char *name, usec_t *ret_utc, struct error *e);
/* The version asked for by If-Match; 0 when there is no such header. Errors INVALID. */
NODISCARD enum err call_if_match(struct call *c, int64_t *ret_version, struct error *e);
/* Zeroed memory of the request. Errors NOMEM. */
NODISCARD enum err call_alloc(struct call *c, size_t n, void **ret_memory, struct error *e);

/* The problem+json body of an error (RFC 9457). errs and request_id may be NULL. */
void problem_print(const struct error *e, const struct schema_errors *errs, const char *request_id,
                   struct buf *out);

/* audit.c: does this route leave a row in the audit trail? */
bool audit_wanted(const struct route *r);
/* Writes the row; problem is NULL after a success. False: it is lost, which is logged and counted.
 */
bool audit_write(struct call *c, const struct route *route, int status,
                 const struct error *problem);

/* idempotency.c: is a key read on this route? */
bool idempotency_offered(const struct route *route);
/* And does the request carry one? */
bool idempotency_wanted(const struct call *c, const struct route *route);
/* Claims the key. After ERR_OK either c->kept_claimed (do the work) or c->replayed (the call holds
 * the earlier answer). Errors INVALID (the key), UNPROCESSABLE (used for another request), CONFLICT
 * (still at work, or done without a kept answer). */
NODISCARD enum err idempotency_begin(struct call *c, struct error *e);
/* Keeps the answer, or gives the key up; does nothing without a claim. */
void idempotency_end(struct call *c, const struct route *route, const struct error *problem,
                     const struct http_response *res);

/* recent.c: db_read for lists and reports, whose rows may be as old as database_replica_max_lag_ms
 * unless the caller changed something within that time. fn may run twice. */
NODISCARD enum err call_read(struct call *c, db_fn fn, void *ctx, struct error *e);
/* The same in two steps, for reads after the call. */
bool recent_must_be_fresh(struct call *c);
NODISCARD enum err recent_read(struct api *api, bool fresh, db_fn fn, void *ctx, struct error *e);
/* Remembers that the caller may have changed something; may add a cookie. */
void recent_wrote(struct call *c, struct http_response *res);

/* Called after a commit that changed a session or a roster: cached copies go. */
void live_session_changed(struct api *api, struct session_id id, int64_t version);
void live_roster_changed(struct api *api, struct course_id id, int64_t version);
/* Called after a commit that put something into the outbox. */
void outbox_changed(struct api *api);

/* events.c: the envelope came in on a topic; passes it to WebSocket peers and waiters. */
void events_deliver(struct api *api, const struct bus_event *event);
/* Registers the pending call for the result of `frame`, to be answered within `patience`; subscribe
 * first, enqueue after. */
NODISCARD enum err waiters_add(struct api *api, struct session_id session, struct frame_id frame,
                               uint64_t conn, usec_t patience, struct error *e);
void waiters_remove(struct api *api, struct frame_id frame);

struct waiters;
NODISCARD enum err waiters_new(struct waiters **ret_waiters, struct error *e);
void waiters_free(struct waiters *w);
void waiters_expire(struct api *api);
void waiters_event(struct api *api, int64_t id, struct str envelope);

/* events.c: WebSocket callbacks of the server. */
void events_ws_open(struct api *api, struct http_request *req);
void events_ws_closed(struct api *api, struct str topic);
void events_ws_lag(struct str topic, int64_t lost, struct buf *out);
