/* What every frame needs to know of a running session, as bytes for a cache.
 *
 * Loaded from the store, kept by bus/cached.h under live_session_key / live_roster_key, dropped
 * after every change. The bytes are a fixed layout of this program version (the key carries it), so
 * that several processes can share them. Thread: any. */
#pragma once

#include "base/id.h"
#include "store/course.h"
#include "store/session.h"

enum { LIVE_KEY = 80 };

struct live_session {
    struct session_id id;
    struct course_id course;
    enum session_status status;
    usec_t started_at, ended_at;
    int64_t confirmations, late_after_min;
    int64_t version;
};

struct live_roster {
    const struct student_id *ids; /* sorted by text; borrowed from the bytes */
    int n;
};

struct live_source {
    struct db *db;
    struct session_id session; /* for live_session_load */
    struct course_id course;   /* for live_roster_load */
};

void live_session_key(struct session_id id, char ret_key[static LIVE_KEY]);
void live_cameras_key(struct session_id id, char ret_key[static LIVE_KEY]);
void live_roster_key(struct course_id id, char ret_key[static LIVE_KEY]);

/* cached_load_fn's shape; ctx is a struct live_source. Errors NOT_FOUND, UNAVAILABLE. */
NODISCARD enum err live_session_load(void *ctx, struct arena *a, int64_t *ret_version,
                                     struct str *ret_bytes, struct error *e);
NODISCARD enum err live_roster_load(void *ctx, struct arena *a, int64_t *ret_version,
                                    struct str *ret_bytes, struct error *e);

/* The cameras assigned to the session as struct camera_id, one behind the other; none: any. */
NODISCARD enum err live_cameras_load(void *ctx, struct arena *a, int64_t *ret_version,
                                     struct str *ret_bytes, struct error *e);

/* Errors CORRUPT. */
NODISCARD enum err live_session_parse(struct str bytes, struct live_session *ret_session,
                                      struct error *e);
NODISCARD enum err live_roster_parse(struct str bytes, struct live_roster *ret_roster,
                                     struct error *e);
bool live_roster_has(const struct live_roster *r, struct student_id student);
