/* Erasure: what is removed when a student withdraws the consent to recognition, or goes.
 * All functions run inside db_tx. Thread: any. */
#pragma once

#include "base/id.h"
#include "store/db.h"

struct erasure_counts {
    int64_t templates; /* removed, of every encoder */
    int64_t photos;    /* that waited for a verdict */
};

/* Removes templates, look-alike pairs and photos that wait for a verdict, and ends the jobs that
 * had them; nobody enrols the student until the transaction has ended. The galleries forget the
 * student when they are told (EVENT_TOPIC_GALLERY), after the commit. Doing it twice is the same
 * as once. */
NODISCARD enum err erasure_face(struct db_cx *cx, struct student_id student, usec_t now,
                                struct erasure_counts *ret_counts, struct error *e);
