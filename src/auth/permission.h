/* Permissions: a route names one, roles map to them in one table. Pure; any thread. */
#pragma once

#include "base/str.h"

enum perm {
    PERM_PUBLIC, /* no credentials asked */
    PERM_SELF,   /* anybody signed in */
    PERM_STUDENT_READ,
    PERM_STUDENT_WRITE,
    PERM_STUDENT_EXPORT, /* everything held on one */
    PERM_FACE_READ,      /* templates, look-alikes, enrolment jobs; never a vector */
    PERM_CONSENT_READ,
    PERM_CONSENT_WRITE, /* record one */
    PERM_CONSENT_END,   /* withdraw one: a student may end the own */
    PERM_COURSE_READ,
    PERM_COURSE_WRITE,
    PERM_ROSTER_READ, /* who is enrolled in a course */
    PERM_SESSION_READ,
    PERM_SESSION_WRITE,
    PERM_ATTENDANCE_READ, /* the marks of everybody in a session, as they come */
    PERM_MARK_READ,       /* one mark with its receipt */
    PERM_MARK_CONTEST,
    PERM_MARK_WRITE, /* corrections, excuses, decided disputes */
    PERM_MARK_CODE,  /* be marked by the code of a session; a student: only the own mark */
    PERM_FRAME_POST,
    PERM_CAMERA_READ,
    PERM_CAMERA_WRITE,
    PERM_USER_ADMIN,
    PERM_SYSTEM_READ,
    PERM_REGISTER_READ,
    PERM_SYSTEM_WRITE, /* the engines that decide */
    PERM_AUDIT_READ,
    PERM_REPORT_READ, /* counts and tables over marks */
    PERM_PLACE_READ,  /* sites, rooms, terms, holidays, timetables */
    PERM_PLACE_WRITE,
};
enum { PERM_N = PERM_PLACE_WRITE + 1 };

/* "student.write", for error messages and the API description. */
const char *perm_name(enum perm p);

#define ROLE_MAP(X)                                                                                \
    X(ADMIN, "admin")                                                                              \
    X(REGISTRAR, "registrar")                                                                      \
    X(INSTRUCTOR, "instructor")                                                                    \
    X(AUDITOR, "auditor")                                                                          \
    X(STUDENT, "student")                                                                          \
    X(CAMERA, "camera")

enum role {
#define X(code, word) ROLE_##code,
    ROLE_MAP(X)
#undef X
};
enum { ROLE_N = ROLE_CAMERA + 1 };

const char *role_name(enum role r);
/* Every role's word, NULL-terminated: what a request body may hold. */
extern const char *const role_names[];
/* Errors INVALID. */
NODISCARD enum err role_parse(struct str word, enum role *ret_role, struct error *e);
/* How far a role reaches: which rows its permissions are about (row rules, docs/access.md). */
enum reach {
    REACH_ALL,     /* every row */
    REACH_COURSES, /* the courses taught, and what belongs to them */
    REACH_RECORD,  /* the own record */
};
enum reach role_reach(enum role r);
bool role_may(enum role r, enum perm p);

/* Permissions as a set: bit 1 << enum perm. */
uint64_t role_perms(enum role r);

#define CLIENT_KIND_MAP(X)                                                                         \
    X(CAMERA, "camera")                                                                            \
    X(KIOSK, "kiosk")                                                                              \
    X(SERVICE, "service")

/* API clients: what a key may be good for at most. */
enum client_kind {
#define X(code, word) CLIENT_##code,
    CLIENT_KIND_MAP(X)
#undef X
};
enum { CLIENT_KIND_N = CLIENT_SERVICE + 1 };

/* Every kind's word, NULL-terminated. */
extern const char *const client_kind_names[];
NODISCARD enum err client_kind_parse(struct str word, enum client_kind *ret_kind, struct error *e);
/* What clients of this kind may be given; nobody's key can make users or keys. */
uint64_t client_kind_perms(enum client_kind k);
/* The role that row rules see. */
enum role client_kind_role(enum client_kind k);
/* A set of permissions from words with spaces between. Errors INVALID. */
NODISCARD enum err perms_parse(struct str words, uint64_t *ret_perms, struct error *e);
