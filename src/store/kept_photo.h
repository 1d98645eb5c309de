/* Enrolment photos that are kept for a while: only where the student agreed (a live consent to
 * `photos`) and the option enrolment_photos_keep_days says so. The bytes come sealed under the
 * student's key `face`, as the upload sealed them, and go with that key, with either consent, with
 * DELETE .../photos, and when their time is over. Inside db_tx or db_read. Thread: any. */
#pragma once

#include "base/id.h"
#include "store/db.h"

struct kept_photo {
    char id[ID_TEXT];
    char job[ID_TEXT]; /* that brought it: part of the sealing's context */
    struct str sealed; /* kept_photo_get only */
    usec_t created_at, kept_until;
};

/* Keeps one of the student's photos if the consent stands, and holds that consent until the
 * transaction ends; without it nothing is written. */
NODISCARD enum err kept_photo_add(struct db_cx *cx, struct student_id student,
                                  const struct kept_photo *photo, struct error *e);
/* Oldest first; cursor = last id seen (empty: from the start). */
NODISCARD enum err kept_photo_list(struct db_cx *cx, struct arena *a, struct student_id student,
                                   const char *after, int limit, struct kept_photo **ret_photos,
                                   int *ret_n, struct error *e);
/* With the sealed bytes, in `a`. Errors NOT_FOUND. */
NODISCARD enum err kept_photo_get(struct db_cx *cx, struct arena *a, struct student_id student,
                                  const char *id, struct kept_photo *ret_photo, struct error *e);
/* All of the student's. */
NODISCARD enum err kept_photo_delete(struct db_cx *cx, struct student_id student,
                                     int64_t *ret_removed, struct error *e);
/* Those whose time is over, `limit` at most. */
NODISCARD enum err kept_photo_purge(struct db_cx *cx, usec_t now, int limit, int64_t *ret_removed,
                                    struct error *e);
