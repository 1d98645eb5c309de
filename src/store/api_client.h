/* API clients: programs that use the API with a key of their own, stored as its hash. A revoked one
 * stays, so that the audit trail can be read. Thread: any. */
#pragma once

#include "base/id.h"
#include "store/db.h"
#include "store/user.h"

struct api_client {
    char id[ID_TEXT];
    struct str name;                    /* unique among those that are not revoked */
    struct str kind;                    /* camera | kiosk | service */
    struct str scopes;                  /* permissions, a space between */
    struct camera_id camera;            /* empty: none; a camera has one, a service none */
    uint8_t key_hash[TOKEN_HASH_BYTES]; /* written, never read */
    struct str prefix;                  /* the first characters of the key, for people */
    struct str created_by;              /* a user's id, or "local" */
    usec_t created_at, updated_at;
    usec_t expires_at; /* 0: never */
    usec_t last_seen;  /* 0: never; to the minute */
    usec_t revoked_at; /* 0: not */
    int64_t version;
};

/* Errors CONFLICT (name), NOT_FOUND (camera). */
NODISCARD enum err api_client_insert(struct db_cx *cx, const struct api_client *c, struct error *e);
NODISCARD enum err api_client_get(struct db_cx *cx, struct arena *a, const char *id,
                                  struct api_client *ret_client, struct error *e);
/* The one with this key, unless it is revoked or has expired at `now`. Errors UNAUTHENTICATED. */
NODISCARD enum err api_client_by_key(struct db_cx *cx, struct arena *a,
                                     const uint8_t hash[static TOKEN_HASH_BYTES], usec_t now,
                                     struct api_client *ret_client, struct error *e);

struct api_client_filter {
    char after[ID_TEXT];
    struct str kind; /* empty: any */
    struct camera_id camera;
    bool revoked; /* those too */
    int limit;
};
NODISCARD enum err api_client_list(struct db_cx *cx, struct arena *a,
                                   const struct api_client_filter *f,
                                   struct api_client **ret_clients, int *ret_n, struct error *e);
/* Writes name, scopes, camera and expires_at; c->version 0 writes over any. Errors PRECONDITION,
 * NOT_FOUND (none, revoked, or no such camera), CONFLICT (name). */
NODISCARD enum err api_client_update(struct db_cx *cx, const struct api_client *c,
                                     int64_t *ret_version, struct error *e);
/* Another key; the old one is worth nothing. Errors NOT_FOUND (none, or revoked). */
NODISCARD enum err api_client_rotate(struct db_cx *cx, const struct api_client *c,
                                     int64_t *ret_version, struct error *e);
/* Again changes nothing. Errors NOT_FOUND. */
NODISCARD enum err api_client_revoke(struct db_cx *cx, const char *id, usec_t at, struct error *e);
/* Notes that it was seen, unless it was seen after `unless_after`. */
NODISCARD enum err api_client_seen(struct db_cx *cx, const char *id, usec_t at, usec_t unless_after,
                                   struct error *e);

/* The cameras whose frames a session takes; none: any. Adding may be repeated; both
 * bump the session's version. Errors NOT_FOUND (session, camera, not assigned). */
NODISCARD enum err session_camera_add(struct db_cx *cx, struct session_id session,
                                      struct camera_id camera, int64_t *ret_version,
                                      struct error *e);
NODISCARD enum err session_camera_remove(struct db_cx *cx, struct session_id session,
                                         struct camera_id camera, int64_t *ret_version,
                                         struct error *e);
NODISCARD enum err session_camera_list(struct db_cx *cx, struct arena *a, struct session_id session,
                                       struct camera_id **ret_ids, int *ret_n, struct error *e);
