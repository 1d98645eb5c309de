/* Students: the people who can be marked. All functions run inside db_tx or db_read. Thread: any.
 */
#pragma once

#include "store/access.h"
#include "store/page.h"

struct student {
    struct student_id id;
    struct str external_id;  /* the institution's number; unique, <= 64 bytes */
    struct str name;         /* <= 200 bytes, UTF-8 */
    struct str email;        /* may be empty */
    struct str status;       /* active | inactive */
    int64_t version;         /* grows with each update: the ETag */
    int64_t other_templates; /* of the other engine of a switch; without one the same */
    int64_t templates;       /* of the asked encoder, read only; 0 when none was asked */
    usec_t newest_template;  /* of the asked encoder, read only; 0: none */
    bool stale;              /* for the caller: that is long ago */
    usec_t created_at, updated_at;
};

/* Whose newest template of (encoder, preprocessing) was made before. */
struct student_stale {
    struct str encoder, preprocessing;
    usec_t before;
};

/* created_at and updated_at 0 = now; the version starts at 1. Errors CONFLICT: external_id is
 * taken; INVALID: a length or the status. */
NODISCARD enum err student_insert(struct db_cx *cx, const struct student *s, struct error *e);
/* Text lies in `a`. Errors NOT_FOUND. */
NODISCARD enum err student_get(struct db_cx *cx, struct arena *a, struct student_id id,
                               struct student *ret_student, struct error *e);
NODISCARD enum err student_by_external_id(struct db_cx *cx, struct arena *a, struct str external_id,
                                          struct student *ret_student, struct error *e);
/* Errors NOT_FOUND; CONFLICT: the student is erased, nothing may be added about this person. */
NODISCARD enum err student_not_erased(struct db_cx *cx, struct student_id id, struct error *e);
/* Students of the scope (NULL: all) in order of id after `after` (empty = from the start), at most
 * limit; search (may be empty) is a part of name or external_id, without regard to ASCII case. */
NODISCARD enum err student_list(struct db_cx *cx, struct arena *a, const struct scope *scope,
                                struct str search, struct student_id after, int limit,
                                struct student **ret_students, int *ret_n, struct error *e);
/* Filters of student_search; empty text and -1 do not filter. */
struct student_filter {
    struct str search, status;   /* search: part of name, external_id or email */
    struct course_id course;     /* enrolled in it now */
    int has_photos, has_consent; /* 1: with, 0: without; photos of the engine below */
    struct str encoder, preprocessing;
};
/* As student_list, filtered and sorted: name, external_id, created_at. Cost: a pass over all. */
NODISCARD enum err student_search(struct db_cx *cx, struct arena *a, const struct scope *scope,
                                  const struct student_filter *f, const struct list_page *page,
                                  struct student **ret_students, int *ret_n, struct error *e);
/* Those with templates, the newest older than stale->before, in order of id as above. */
NODISCARD enum err student_list_stale(struct db_cx *cx, struct arena *a, const struct scope *scope,
                                      const struct student_stale *stale, struct student_id after,
                                      int limit, struct student **ret_students, int *ret_n,
                                      struct error *e);
/* Writes external_id, name, email, status (and updated_at, 0 = now) if the stored version is
 * s->version (0: whatever it is). Errors NOT_FOUND, PRECONDITION (version), CONFLICT. ret_version
 * is the new one. */
NODISCARD enum err student_update(struct db_cx *cx, const struct student *s, int64_t *ret_version,
                                  struct error *e);
/* Removes the student with templates and roster entries. Errors NOT_FOUND; CONFLICT when marks name
 * the student (the register keeps them: set the status to inactive instead). */
NODISCARD enum err student_delete(struct db_cx *cx, struct student_id id, struct error *e);
