/* What a file wants there to be: students, courses and roster entries, each compared with the
 * database and written in the same way whether they come from CSV or OneRoster.
 *
 * An importer adds what each line wants, then loads (one pass over the table), decides (each line
 * gets its action) and, in the transaction, writes. Wants live in the import's arena. A want with
 * line_at < 0 is only referred to and never written. Thread: one at a time. */
#pragma once

#include "base/hashmap.h"
#include "exchange/plan.h"
#include "store/student.h"

/* Students, by external id. */
struct student_want {
    struct student_want *next;
    int line_at;         /* in the report; -1: only referred to */
    int line;            /* of the file */
    struct student new;  /* a text with p NULL: the file does not say. id: filled in by decide */
    struct student old;  /* id empty: there is none */
    char bound[ID_TEXT]; /* the row it is, whatever its external id; empty: not known */
    bool leaving;        /* of no interest unless it is there */
    bool failed;         /* the line has an error: what refers to it fails too */
};

struct student_set {
    struct plan *plan;
    struct hashmap by_id, by_bound;
    struct student_want *first, *last;
    struct student_want *gone; /* active students that the file leaves out */
    int64_t active, n_gone;
};

void students_init(struct student_set *s, struct plan *p);
void students_done(struct student_set *s);
/* The want of this external id, or NULL. */
struct student_want *students_find(const struct student_set *s, struct str external_id);
/* A new one. Errors NOMEM. */
NODISCARD enum err students_add(struct student_set *s, struct str external_id, int line_at,
                                int line, struct student_want **ret_want, struct error *e);
/* The want is the student with this id. Errors NOMEM. */
NODISCARD enum err students_bind(struct student_set *s, struct student_want *w, const char *id,
                                 struct error *e);
/* missing: also finds who is left out. */
NODISCARD enum err students_load(struct db_cx *cx, struct student_set *s, bool missing,
                                 struct error *e);
void students_decide(struct student_set *s);
NODISCARD enum err students_write(struct db_cx *cx, struct student_set *s, struct error *e);

/* Courses, by code and term, or by code alone. */
struct course_want {
    struct course_want *next;
    int line_at, line;
    struct course new;   /* title with p NULL, late_after_min < 0: the file does not say */
    struct course old;   /* id empty: there is none */
    bool any_term;       /* the file does not say the term */
    int matches;         /* courses of this code, when any_term */
    char bound[ID_TEXT]; /* the row it is, whatever its code; empty: not known */
    bool failed;
    bool changed; /* its roster will be */
    bool whole;   /* the file has its whole roster: who is left out goes */
};

struct course_set {
    struct plan *plan;
    struct hashmap by_key, by_bound;
    struct course_want *first, *last;
};

void courses_init(struct course_set *s, struct plan *p);
void courses_done(struct course_set *s);
/* term with p NULL: whatever it is. NULL: there is none, or out of memory. */
struct course_want *courses_find(const struct course_set *s, struct str code, struct str term);
NODISCARD enum err courses_add(struct course_set *s, struct str code, struct str term, int line_at,
                               int line, struct course_want **ret_want, struct error *e);
/* The want is the course with this id. Errors NOMEM. */
NODISCARD enum err courses_bind(struct course_set *s, struct course_want *w, const char *id,
                                struct error *e);
NODISCARD enum err courses_load(struct db_cx *cx, struct course_set *s, struct error *e);
void courses_decide(struct course_set *s);
NODISCARD enum err courses_write(struct db_cx *cx, struct course_set *s, struct error *e);

/* Roster entries, by course and student; add them when courses and students are decided. */
struct roster_want {
    struct roster_want *next;
    int line_at, line; /* -1: the file does not have it, and it goes */
    struct course_want *course;
    struct student_want *student;
    char key[2 * ID_TEXT];
    usec_t from, to; /* 0: not said; for `to`: open */
    bool remove;
    /* the newest entry that stands; id empty: there is none */
    char old_id[ID_TEXT];
    usec_t old_from, old_to;
    bool exact; /* an entry with these very times stands */
    enum import_action action;
};

struct roster_set {
    struct plan *plan;
    struct course_set *courses;
    struct hashmap by_key;
    struct roster_want *first, *last;
    int64_t live, n_gone;
    struct course_want *loading;
};

void rosters_init(struct roster_set *s, struct plan *p, struct course_set *courses);
void rosters_done(struct roster_set *s);
struct roster_want *rosters_find(const struct roster_set *s, const struct course_want *course,
                                 const struct student_want *student);
NODISCARD enum err rosters_add(struct roster_set *s, struct course_want *course,
                               struct student_want *student, int line_at, int line,
                               struct roster_want **ret_want, struct error *e);
/* Of courses that are `whole`, entries that the file leaves out are found, too. */
NODISCARD enum err rosters_load(struct db_cx *cx, struct roster_set *s, struct error *e);
void rosters_decide(struct roster_set *s);
/* Also fills the result's list of rosters. */
NODISCARD enum err rosters_write(struct db_cx *cx, struct roster_set *s, struct error *e);

/* Teachers, by what they may sign in with; a user of a role that can teach is one. */
enum { TEACHER_LOGINS = 2 };

struct teacher {
    struct teacher *next;
    struct str logins[TEACHER_LOGINS]; /* tried in this order; empty: none */
    struct str name;
    int line_at;      /* -1: no line is about the user */
    struct str login; /* the user's, or the one a new user gets; empty: there is no fitting one */
    struct str role;
    char id[ID_TEXT]; /* of the user; empty: there is none */
    bool barred;      /* the user's role cannot teach */
    bool create;
};

struct teaching {
    struct teaching *next;
    struct course_want *course;
    struct teacher *teacher;
    int line_at, line; /* line_at -1: decide makes a report line of `line` */
    bool remove, stands;
    enum import_action action;
    char key[2 * ID_TEXT];
};

struct teacher_set {
    struct plan *plan;
    struct hashmap by_login, by_pair;
    struct teacher *first, *last;
    struct teaching *teachings, *last_teaching;
};

void teachers_init(struct teacher_set *s, struct plan *p);
void teachers_done(struct teacher_set *s);
/* The one of this login, or NULL. */
struct teacher *teachers_find(const struct teacher_set *s, struct str login);
/* A copy of `like`: logins, name, line_at. Errors NOMEM. */
NODISCARD enum err teachers_add(struct teacher_set *s, const struct teacher *like,
                                struct teacher **ret_teacher, struct error *e);
/* A copy of `like`: course, teacher, line_at, line, remove. Errors NOMEM. */
NODISCARD enum err teachings_add(struct teacher_set *s, const struct teaching *like,
                                 struct error *e);
/* Load, then decide, when the courses are decided; write when they are written. */
NODISCARD enum err teachers_load(struct db_cx *cx, struct teacher_set *s, struct error *e);
NODISCARD enum err teachers_decide(struct teacher_set *s, struct error *e);
NODISCARD enum err teachers_write(struct db_cx *cx, struct teacher_set *s, struct error *e);
