/* Where and when the institution teaches: the institution itself (one row), its sites, and the
 * rooms, terms and holidays of each site. The four lists are alike, so one set of functions serves
 * them, told apart by `enum place_kind`. Inside db_tx or db_read, any thread. */
#pragma once

#include "base/day.h"
#include "base/id.h"
#include "store/db.h"

struct institution {
    struct str name;   /* may be empty */
    struct str locale; /* BCP 47 such as de-CH */
    int64_t version;
    usec_t created_at, updated_at;
};
NODISCARD enum err institution_get(struct db_cx *cx, struct arena *a,
                                   struct institution *ret_institution, struct error *e);
/* version 0: whatever it is. Errors PRECONDITION, INVALID. */
NODISCARD enum err institution_update(struct db_cx *cx, const struct institution *i,
                                      int64_t *ret_version, struct error *e);

enum place_kind { PLACE_SITE, PLACE_ROOM, PLACE_TERM, PLACE_HOLIDAY };
enum { PLACE_KIND_N = PLACE_HOLIDAY + 1 };
/* "site", "room", "term", "holiday". */
const char *place_kind_name(enum place_kind kind);

struct place {
    char id[ID_TEXT];
    char site[ID_TEXT];          /* empty: of a site. Never changes */
    struct str name;             /* unique among sites, or within the site (holidays: and day) */
    struct str tz;               /* of a site */
    int64_t capacity;            /* of a room; 0: not known */
    int64_t first_day, last_day; /* of a term or a holiday */
    int64_t version;
    usec_t created_at, updated_at;
};

/* Errors CONFLICT (the name is taken), NOT_FOUND (no such site), INVALID (days the wrong way
 * round, too long). */
NODISCARD enum err place_insert(struct db_cx *cx, enum place_kind kind, const struct place *p,
                                struct error *e);
/* Errors NOT_FOUND. */
NODISCARD enum err place_get(struct db_cx *cx, struct arena *a, enum place_kind kind,
                             const char *id, struct place *ret_place, struct error *e);
/* In order of id after `after`; site (empty: all) filters. */
NODISCARD enum err place_list(struct db_cx *cx, struct arena *a, enum place_kind kind,
                              const char *site, const char *after, int limit,
                              struct place **ret_places, int *ret_n, struct error *e);
/* Writes all but id and site; version 0: whatever it is. Errors NOT_FOUND, PRECONDITION, CONFLICT,
 * INVALID. */
NODISCARD enum err place_update(struct db_cx *cx, enum place_kind kind, const struct place *p,
                                int64_t *ret_version, struct error *e);
/* Errors NOT_FOUND; CONFLICT when something refers to it, the message says what may. */
NODISCARD enum err place_delete(struct db_cx *cx, enum place_kind kind, const char *id,
                                struct error *e);

/* The holidays of a site that touch first..last, by first day. */
NODISCARD enum err holiday_days(struct db_cx *cx, struct arena *a, const char *site,
                                struct day_range range, struct day_range **ret_days, int *ret_n,
                                struct error *e);
