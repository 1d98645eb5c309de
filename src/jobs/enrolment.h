/* One enrolment job in hand; shared by enrol.c (its life) and judge.c (its photos). */
#pragma once

#include "attendance/enrolment.h"
#include "jobs/internal.h"
#include "store/job.h"

/* A photo behind the student's template, of this job or an earlier one. */
struct enrolled {
    char id[ID_TEXT];
    struct str source; /* what photo it was made of */
    const float *vec;  /* NULL: cannot be opened */
};

struct enrolment {
    struct worker *w;
    const struct jobs_env *env;
    struct engine *engine; /* the active one, of the worker's pair */
    struct job job;
    struct student_id student;
    struct seal_key key; /* the student's, for templates and photos; wiped at the end */
    struct job_photo *photos;
    int n;
    struct template_row *rows; /* as the job found them */
    int n_rows;
    struct enrolled *known; /* [n_known], room for n_rows + n; memory is w->arena */
    int n_known;
    struct engine *other; /* the other engine of a switch, where it has templates of its own */
    struct template_row *other_rows; /* the student's, as the job found them */
    int other_n;
    bool taken_over; /* another worker has claimed the job since */
    /* the photo in hand; its memory is w->scratch */
    struct job_photo verdict;
    enum verdict code;
    struct template_row row;       /* sealed has a vector when the photo is accepted */
    const float *vec;              /* that vector */
    struct str picture;            /* the photo, sealed under the student's key; or empty */
    struct template_row other_row; /* the same for the other engine */
    struct student_id twin;        /* accepted although like this student; empty: like nobody */
    double twin_score;
};

/* Judges photo i: fills verdict, code, row, vec and twin. Errors are not the photo's: the job
 * must be tried again. */
NODISCARD enum err enrolment_judge(struct enrolment *n, int i, struct error *e);

/* enrol_other.c, each nothing without another engine: its rows; its judgement of a photo that was
 * judged, into other_row (and verdict, where that photo is new to it alone); its row. */
NODISCARD enum err enrolment_other_load(struct db_cx *cx, struct enrolment *n, struct error *e);
NODISCARD enum err enrolment_other_judge(struct enrolment *n, struct str image, struct error *e);
NODISCARD enum err enrolment_other_write(struct db_cx *cx, struct enrolment *n, struct error *e);
