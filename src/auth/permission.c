/* Permissions: see permission.h. Constant tables. A permission of a role that does not reach
 * everything is good for that role's own rows only (api/row_rules.c). */
#include "auth/permission.h"

#define BIT(p) (1ull << (PERM_##p))

/* What concerns students, courses and marks, for those who read all of it. */
#define READ_ALL                                                                                   \
    (BIT(SELF) | BIT(STUDENT_READ) | BIT(FACE_READ) | BIT(CONSENT_READ) | BIT(COURSE_READ) |       \
     BIT(ROSTER_READ) | BIT(SESSION_READ) | BIT(ATTENDANCE_READ) | BIT(MARK_READ) |                \
     BIT(REPORT_READ) | BIT(CAMERA_READ) | BIT(SYSTEM_READ) | BIT(REGISTER_READ) |                 \
     BIT(PLACE_READ))

static const uint64_t grants[ROLE_N] = {
    [ROLE_ADMIN] = (1ull << PERM_N) - 1,
    [ROLE_REGISTRAR] = READ_ALL | BIT(PLACE_WRITE) | BIT(STUDENT_WRITE) | BIT(STUDENT_EXPORT) |
                       BIT(CONSENT_WRITE) | BIT(CONSENT_END) | BIT(COURSE_WRITE) |
                       BIT(SESSION_WRITE) | BIT(MARK_CONTEST) | BIT(MARK_WRITE) | BIT(MARK_CODE),
    [ROLE_INSTRUCTOR] = BIT(SELF) | BIT(REPORT_READ) | BIT(PLACE_READ) | BIT(STUDENT_READ) |
                        BIT(COURSE_READ) | BIT(ROSTER_READ) | BIT(SESSION_READ) |
                        BIT(SESSION_WRITE) | BIT(ATTENDANCE_READ) | BIT(MARK_READ) |
                        BIT(MARK_CONTEST) | BIT(MARK_WRITE) | BIT(MARK_CODE) | BIT(FRAME_POST),
    [ROLE_AUDITOR] = READ_ALL | BIT(AUDIT_READ),
    [ROLE_STUDENT] = BIT(SELF) | BIT(REPORT_READ) | BIT(STUDENT_READ) | BIT(STUDENT_EXPORT) |
                     BIT(FACE_READ) | BIT(CONSENT_READ) | BIT(CONSENT_END) | BIT(COURSE_READ) |
                     BIT(SESSION_READ) | BIT(MARK_READ) | BIT(MARK_CONTEST) | BIT(MARK_CODE),
    [ROLE_CAMERA] = BIT(SELF) | BIT(FRAME_POST),
};

/* A camera reaches every session that takes frames; its one permission is to send them. */
static const enum reach reaches[ROLE_N] = {
    [ROLE_ADMIN] = REACH_ALL,   [ROLE_REGISTRAR] = REACH_ALL,  [ROLE_INSTRUCTOR] = REACH_COURSES,
    [ROLE_AUDITOR] = REACH_ALL, [ROLE_STUDENT] = REACH_RECORD, [ROLE_CAMERA] = REACH_ALL,
};

static const char *const perm_names[PERM_N] = {
    [PERM_PUBLIC] = "public",
    [PERM_SELF] = "self",
    [PERM_STUDENT_READ] = "student.read",
    [PERM_STUDENT_WRITE] = "student.write",
    [PERM_STUDENT_EXPORT] = "student.export",
    [PERM_FACE_READ] = "face.read",
    [PERM_CONSENT_READ] = "consent.read",
    [PERM_CONSENT_WRITE] = "consent.write",
    [PERM_CONSENT_END] = "consent.end",
    [PERM_COURSE_READ] = "course.read",
    [PERM_COURSE_WRITE] = "course.write",
    [PERM_ROSTER_READ] = "roster.read",
    [PERM_SESSION_READ] = "session.read",
    [PERM_SESSION_WRITE] = "session.write",
    [PERM_ATTENDANCE_READ] = "attendance.read",
    [PERM_MARK_READ] = "mark.read",
    [PERM_MARK_CONTEST] = "mark.contest",
    [PERM_MARK_WRITE] = "mark.write",
    [PERM_MARK_CODE] = "mark.code",
    [PERM_FRAME_POST] = "frame.post",
    [PERM_CAMERA_READ] = "camera.read",
    [PERM_CAMERA_WRITE] = "camera.write",
    [PERM_USER_ADMIN] = "user.admin",
    [PERM_SYSTEM_READ] = "system.read",
    [PERM_REGISTER_READ] = "register.read",
    [PERM_SYSTEM_WRITE] = "system.write",
    [PERM_AUDIT_READ] = "audit.read",
    [PERM_REPORT_READ] = "report.read",
    [PERM_PLACE_READ] = "place.read",
    [PERM_PLACE_WRITE] = "place.write",
};

const char *perm_name(enum perm p) { return perm_names[p]; }

const char *const role_names[] = {
#define X(code, word) word,
    ROLE_MAP(X)
#undef X
        NULL};

const char *role_name(enum role r) { return role_names[r]; }

enum err role_parse(struct str word, enum role *ret_role, struct error *e)
{
    for (int i = 0; i < ROLE_N; i++)
        if (str_is(word, role_names[i])) {
            *ret_role = (enum role)i;
            return ERR_OK;
        }
    return error_set(e, ERR_INVALID, "'%.*s' is not a role", (int)(word.n < 40 ? word.n : 40),
                     word.p);
}

enum reach role_reach(enum role r) { return reaches[r]; }
uint64_t role_perms(enum role r) { return grants[r]; }

bool role_may(enum role r, enum perm p) { return p == PERM_PUBLIC || (grants[r] >> p & 1); }

static const struct {
    const char *word;
    uint64_t perms;
    enum role role;
} client_kinds[CLIENT_KIND_N] = {
    [CLIENT_CAMERA] = {"camera", BIT(SELF) | BIT(FRAME_POST), ROLE_CAMERA},
    [CLIENT_KIOSK] = {"kiosk",
                      BIT(SELF) | BIT(MARK_CODE) | BIT(FRAME_POST) | BIT(SESSION_READ) |
                          BIT(ATTENDANCE_READ),
                      ROLE_CAMERA},
    [CLIENT_SERVICE] = {"service", ((1ull << PERM_N) - 1) & ~(BIT(USER_ADMIN) | BIT(SYSTEM_WRITE)),
                        ROLE_REGISTRAR},
};

const char *const client_kind_names[] = {
#define X(code, word) word,
    CLIENT_KIND_MAP(X)
#undef X
        NULL};

enum err client_kind_parse(struct str word, enum client_kind *ret_kind, struct error *e)
{
    for (int i = 0; i < CLIENT_KIND_N; i++)
        if (str_is(word, client_kinds[i].word)) {
            *ret_kind = (enum client_kind)i;
            return ERR_OK;
        }
    return error_set(e, ERR_INVALID, "'%.*s' is not a kind of API client",
                     (int)(word.n < 40 ? word.n : 40), word.p);
}

uint64_t client_kind_perms(enum client_kind k) { return client_kinds[k].perms; }

enum role client_kind_role(enum client_kind k) { return client_kinds[k].role; }

static int perm_named(struct str word)
{
    for (int i = 0; i < PERM_N; i++)
        if (str_is(word, perm_names[i]))
            return i;
    return -1;
}

enum err perms_parse(struct str words, uint64_t *ret_perms, struct error *e)
{
    struct str word;
    uint64_t perms = 0;
    while (str_split(&words, ' ', &word)) {
        int p = perm_named(word);
        if (!word.n)
            continue;
        if (p < 0)
            return error_set(e, ERR_INVALID, "'%.*s' is not a permission",
                             (int)(word.n < 40 ? word.n : 40), word.p);
        perms |= 1ull << p;
    }
    *ret_perms = perms;
    return ERR_OK;
}
