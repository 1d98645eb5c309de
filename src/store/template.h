/* Templates: one row per accepted enrolment photo, made by one encoder.
 *
 * The gallery vector of a student is the normalised mean of the rows of the active (encoder,
 * preprocessing). The vector is sealed before it comes here: this file stores bytes. */
#pragma once

#include "base/id.h"
#include "store/db.h"

struct template_row {
    char id[ID_TEXT];
    struct student_id student;
    struct str encoder, preprocessing, precision, model_sha256;
    struct str sealed; /* the sealed vector */
    double quality;    /* 0..1 */
    struct str source; /* where from: a photo's name */
    usec_t created_at;
};

/* Errors CONFLICT: the student has no live consent to recognition (consent.h), and nothing is
 * written. */
NODISCARD enum err template_insert(struct db_cx *cx, const struct template_row *t, struct error *e);
/* The student's rows of (encoder, preprocessing), oldest first. */
NODISCARD enum err template_of_student(struct db_cx *cx, struct arena *a, struct student_id student,
                                       struct str encoder, struct str preprocessing,
                                       struct template_row **ret_rows, int *ret_n, struct error *e);
/* Calls fn for every row of (encoder, preprocessing) in order of student: rebuilding a gallery
 * holds one row at a time. Text in the row is borrowed until fn returns; fn's error stops and is
 * returned. */
typedef enum err (*template_fn)(void *ctx, const struct template_row *t, struct error *e);
NODISCARD enum err template_each(struct db_cx *cx, struct str encoder, struct str preprocessing,
                                 template_fn fn, void *ctx, struct error *e);
/* All of the student's rows, of every encoder, newest first; `sealed` is left empty. */
NODISCARD enum err template_rows(struct db_cx *cx, struct arena *a, struct student_id student,
                                 struct template_row **ret_rows, int *ret_n, struct error *e);
/* When the newest row of (encoder, preprocessing) was made; 0: there is none. */
NODISCARD enum err template_newest(struct db_cx *cx, struct student_id student, struct str encoder,
                                   struct str preprocessing, usec_t *ret_newest, struct error *e);
/* Removes one row. Errors NOT_FOUND: the student has no such template. */
NODISCARD enum err template_delete_one(struct db_cx *cx, struct student_id student, const char *id,
                                       struct error *e);
/* How many photos the student's template rests on, and the quality of each (for reports). */
NODISCARD enum err template_count(struct db_cx *cx, struct student_id student, struct str encoder,
                                  struct str preprocessing, int64_t *ret_count, struct error *e);
/* Removes all of a student's rows, of every encoder, and what a comparison of engines kept of the
 * student; ret_removed may be NULL. */
NODISCARD enum err template_delete(struct db_cx *cx, struct student_id student,
                                   int64_t *ret_removed, struct error *e);

/* What encoders have made the templates there are. */
struct template_kind {
    struct str encoder, preprocessing;
    int64_t students, photos;
};
NODISCARD enum err template_kinds(struct db_cx *cx, struct arena *a,
                                  struct template_kind **ret_kinds, int *ret_n, struct error *e);
/* How many students each course's roster has now, rising. */
NODISCARD enum err roster_sizes(struct db_cx *cx, struct arena *a, int64_t **ret_sizes, int *ret_n,
                                struct error *e);
