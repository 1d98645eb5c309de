/* Permissions: see permission.h. Two constant tables. Instructors and students get no permission
 * here until the row rules that limit them to their own courses and record exist: a permission
 * without its row rule would show everybody's data. */
#include "auth/permission.h"

#define BIT(p) (1u << (PERM_##p))

static const unsigned grants[ROLE_N] = {
    [ROLE_ADMIN] = (1u << PERM_N) - 1,
    [ROLE_REGISTRAR] = BIT(SELF) | BIT(STUDENT_READ) | BIT(STUDENT_WRITE) | BIT(COURSE_READ) |
                       BIT(COURSE_WRITE) | BIT(SESSION_READ) | BIT(SESSION_WRITE) |
                       BIT(MARK_WRITE) | BIT(CAMERA_READ) | BIT(SYSTEM_READ) | BIT(REGISTER_READ),
    [ROLE_INSTRUCTOR] = BIT(SELF),
    [ROLE_AUDITOR] = BIT(SELF) | BIT(STUDENT_READ) | BIT(COURSE_READ) | BIT(SESSION_READ) |
                     BIT(CAMERA_READ) | BIT(SYSTEM_READ) | BIT(REGISTER_READ) | BIT(AUDIT_READ),
    [ROLE_STUDENT] = BIT(SELF),
    [ROLE_CAMERA] = BIT(SELF) | BIT(FRAME_POST),
};

static const char *const perm_names[PERM_N] = {
    [PERM_PUBLIC] = "public",
    [PERM_SELF] = "self",
    [PERM_STUDENT_READ] = "student.read",
    [PERM_STUDENT_WRITE] = "student.write",
    [PERM_COURSE_READ] = "course.read",
    [PERM_COURSE_WRITE] = "course.write",
    [PERM_SESSION_READ] = "session.read",
    [PERM_SESSION_WRITE] = "session.write",
    [PERM_MARK_WRITE] = "mark.write",
    [PERM_FRAME_POST] = "frame.post",
    [PERM_CAMERA_READ] = "camera.read",
    [PERM_CAMERA_WRITE] = "camera.write",
    [PERM_USER_ADMIN] = "user.admin",
    [PERM_SYSTEM_READ] = "system.read",
    [PERM_REGISTER_READ] = "register.read",
    [PERM_SYSTEM_WRITE] = "system.write",
    [PERM_AUDIT_READ] = "audit.read",
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

bool role_may(enum role r, enum perm p) { return p == PERM_PUBLIC || (grants[r] >> p & 1); }
