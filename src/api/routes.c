/* The route table: what the API can do, who may, and what goes in and out. The dispatcher, the API
 * description and the tests read it; nothing else decides. */
#include "api/handlers.h"

#include "attendance/event.h"

static const struct route_query page_query[] = {
    {"after", "string", "The last id of the page before."},
    {"limit", "integer", "Items a page, 1 to 200; default 50."},
};
static const struct route_query student_query[] = {
    {"after", "string", "`next` of the page before, asked for in the same order."},
    {"limit", "integer", "Items a page, 1 to 200; default 50."},
    {"sort", "string", "name, external_id or created_at; -name and so on: from the last."},
    {"search", "string", "Part of the name, external_id or email."},
    {"status", "string", "active or inactive."},
    {"course", "string", "Only those enrolled in this course now."},
    {"photos", "string", "1: only those with accepted photos; 0: only those without."},
    {"consent", "string", "1: only those who agreed to recognition; 0: only the others."},
    {"stale", "string",
     "1: only those whose newest photo is older than template_max_age_days; nothing else applies."},
};
static const struct route_query course_query[] = {
    {"after", "string", "`next` of the page before, asked for in the same order."},
    {"limit", "integer", "Items a page, 1 to 200; default 50."},
    {"sort", "string", "code, title or created_at; -code and so on: from the last."},
    {"search", "string", "Part of the code or title."},
    {"term", "string", "Only of this term."},
    {"instructor", "string", "Only those that this user teaches."},
};
static const struct route_query camera_query[] = {
    {"after", "string", "`next` of the page before, asked for in the same order."},
    {"limit", "integer", "Items a page, 1 to 200; default 50."},
    {"sort", "string", "name or created_at; -name and so on: from the last."},
    {"search", "string", "Part of the name or the room in words."},
    {"room", "string", "Only those in this room (an id)."},
};
static const struct route_query erasure_query[] = {
    {"after", "string", "The last id of the page before."},
    {"limit", "integer", "Items a page, 1 to 200; default 50."},
    {"student", "string", "Only of this student."},
};
static const struct route_query export_query[] = {
    {"format", "string", "json or zip; default json, or zip when that is what Accept asks for."},
};
static const struct route_query photos_query[] = {
    {"allow_look_alike", "string",
     "1: enrol also a face that is like another student's (twins); the register's admin chain "
     "tells."},
};
static const struct route_query job_query[] = {
    {"after", "string", "The last id of the page before."},
    {"limit", "integer", "Items a page, 1 to 200; default 50."},
    {"state", "string", "queued, running, done or failed."},
};
static const struct route_query session_query[] = {
    {"after", "string", "The last id of the page before."},
    {"limit", "integer", "Items a page, 1 to 200; default 50."},
    {"course", "string", "Only of this course."},
    {"status", "string", "scheduled, active, closed or cancelled."},
    {"from", "string", "Only from this time on: its start, or planned start."},
    {"to", "string", "Only before this time."},
    {"room", "string", "Only in this room."},
    {"site", "string", "Only in rooms of this site."},
};
static const struct route_query place_query[] = {
    {"after", "string", "The last id of the page before."},
    {"limit", "integer", "Items a page, 1 to 200; default 50."},
    {"site", "string", "Only of this site."},
};
static const struct route_query clash_query[] = {
    {"allow_clash", "string",
     "1: also where the room or the course has something else at that time."},
};
static const struct route_query timetable_query[] = {
    {"after", "string", "The last id of the page before."},
    {"limit", "integer", "Items a page, 1 to 200; default 50."},
    {"course", "string", "Only of this course."},
    {"site", "string", "Only at this site."},
    {"room", "string", "Only in this room."},
    {"weekday", "integer", "Only on this day, 1 Monday to 7 Sunday."},
};
static const struct route_query roster_query[] = {
    {"at", "string", "Who was enrolled at this time; default now."},
    {"on", "string", "Who was enrolled on this day (2026-10-01), at any time of it."},
    {"tz", "string", "The time zone of the day, such as Europe/Vienna; default UTC."},
};
static const struct route_query frame_query[] = {
    {"camera", "string", "The camera's id."},
    {"boot", "string", "Names the camera's run; with camera and seq it names the frame."},
    {"seq", "string",
     "The frame's number within boot: a retry with the same one is the same frame."},
    {"captured_at", "string", "When it was taken; default now."},
    {"offline", "string", "1: captured while the server was away; never dropped."},
    {"wait", "string", "1: answer with the frame_result (or frame_dropped) event, within 10 s."},
};
static const struct route_query photo_query[] = {
    {"camera", "string", "The camera's id."},
    {"boot", "string", "With camera, seq and the photo's place it names the photo."},
    {"seq", "string", "A retry with the same one brings the same photos."},
    {"captured_at", "string", "When they were taken; default now."},
    {"offline", "string", "1: taken while the server was away."},
    {"wait", "string", "1: answer with the frame_result event of the one photo, within 45 s."},
};
static const struct route_query challenge_query[] = {
    {"camera", "string", "The camera's id."},
};
static const struct route_query user_query[] = {
    {"after", "string", "The last id of the page before."},
    {"limit", "integer", "Items a page, 1 to 200; default 50."},
    {"role", "string", "Only this role."},
    {"login", "string", "Only the user with this login."},
    {"search", "string", "Part of the login or name."},
    {"disabled", "string", "1: only disabled users; 0: only others."},
};
static const struct route_query record_query[] = {
    {"after", "string", "The last session of the page before."},
    {"limit", "integer", "Items a page, 1 to 200; default 50."},
    {"course", "string", "Only of this course."},
    {"status", "string", "present, late, left-early, absent or excused."},
    {"from", "string", "Only sessions that start at this time or later."},
    {"to", "string", "Only sessions that start before."},
    {"disputed", "string", "1: only contested marks."},
};
static const struct route_query dispute_query[] = {
    {"after", "string", "`next` of the page before."},
    {"limit", "integer", "Items a page, 1 to 200; default 50."},
    {"course", "string", "Only of this course."},
    {"session", "string", "Only of this session."},
};
static const struct route_query audit_query[] = {
    {"after", "string", "The last id of the page before."},
    {"limit", "integer", "Items a page, 1 to 200; default 50."},
    {"from", "string", "Not before this time."},
    {"to", "string", "Before this time."},
    {"actor", "string", "Only of this user or API client."},
    {"action", "string", "Only this operationId."},
    {"subject", "string", "Only what was done to this id."},
};
static const struct route_query client_query[] = {
    {"after", "string", "The last id of the page before."},
    {"limit", "integer", "Items a page, 1 to 200; default 50."},
    {"kind", "string", "camera, kiosk or service."},
    {"camera", "string", "Only keys of this camera."},
    {"revoked", "string", "1: revoked ones too."},
};
static const struct route_query event_query[] = {
    {"after", "string", "The last event id the client has: what it missed comes first."},
    {"ticket", "string", "From events-ticket, instead of the Authorization header."},
};
/* Behind these come only members with a name, such as .flags = ROUTE_SECRET. */
#define IMPORT_QUERY                                                                               \
    {"dry_run", "string", "1: say what would happen, write nothing."},                             \
    {                                                                                              \
        "all", "string", "1: show all lines, not only the first 50 of each action."                \
    }
#define IMPORT_MISSING(words)                                                                      \
    {"missing", "string", words},                                                                  \
    {                                                                                              \
        "force", "string", "1: also when `missing` takes more than a fifth."                       \
    }
static const struct route_query import_students_query[] = {
    IMPORT_QUERY,
    IMPORT_MISSING("deactivate: students who are not in the file become inactive; default keep."),
};
static const struct route_query import_courses_query[] = {
    IMPORT_QUERY,
};
static const struct route_query import_rosters_query[] = {
    IMPORT_QUERY,
    IMPORT_MISSING("remove: on the rosters that the file names, who is not in it is taken off; "
                   "default keep."),
    {"tz", "string", "Time zone of dates without a time, such as Europe/Berlin; default UTC."},
};
static const struct route_query import_oneroster_query[] = {
    IMPORT_QUERY,
    IMPORT_MISSING("remove: on the rosters of the file's classes, who has no enrollment in a bulk "
                   "file is taken off; deactivate: students who are not in a bulk file of users "
                   "become inactive; all: both; default keep."),
    {"tz", "string", "Time zone of dates, such as Europe/Berlin; default UTC."},
    {"teachers", "string",
     "create: teachers who are no users become some, without a password (needs user.admin); "
     "default keep: they are named and left out."},
};
static const struct route_query import_calendar_query[] = {
    IMPORT_QUERY,
    {"course", "string",
     "Id or code of the course of all events; default: each event's category, summary or first "
     "word of it is a course's code."},
    {"tz", "string", "Time zone of times without one, such as Europe/Berlin; default UTC."},
};
/* end of imports */
#define QUERY(rows) .query = (rows), .n_query = ARRAY_LEN(rows)
#define NOQUERY .query = NULL, .n_query = 0

#define JSON BODY_JSON
#define NONE BODY_NONE

#define REPORT_QUERY                                                                               \
    {"format", "string", "json or csv; without it what Accept says, else json."},                  \
        {"bom", "string", "1: CSV begins with a byte order mark, which Excel needs."},             \
        {"limit", "integer", "Rows, 1 to 1000; without it all, streamed."},                        \
        {"after", "string", "What `next` was in the page before."},                                \
        {"from", "string", "Sessions from this day (2026-11-22) or time on."},                     \
        {"to", "string", "Sessions through this day, or before this time."},                       \
        {"weekday", "integer", "Only sessions of this day of the week, 1 Monday to 7 Sunday."},    \
    {                                                                                              \
        "tz", "string", "The time zone of days and weekdays; default that of the place."           \
    }
#define REPORT_MARK_QUERY                                                                          \
    {"status", "string", "Only with this status."},                                                \
    {                                                                                              \
        "late_over", "integer", "Only who was late by more than so many minutes."                  \
    }
static const struct route_query session_report_query[] = {
    REPORT_QUERY, REPORT_MARK_QUERY, {"session", "string", "The session's id; must be there."}};
static const struct route_query course_report_query[] = {
    REPORT_QUERY,
    REPORT_MARK_QUERY,
    {"course", "string", "The course's id; must be there."},
    {"below", "number", "Only who attended less than so many percent."}};
static const struct route_query student_report_query[] = {
    REPORT_QUERY,
    REPORT_MARK_QUERY,
    {"student", "string", "The student's id; must be there."},
    {"course", "string", "Only of this course."}};
static const struct route_query term_report_query[] = {
    REPORT_QUERY,
    {"term", "string", "The term's name, as courses have it; must be there, may be empty."},
    {"course", "string", "Only of this course."},
    {"below", "number", "Only who attended less than so many percent."}};

/* clang-format off */
const struct route routes[] = {
/*   method       path                                    permission            rows           handler            body  in                     out                   status */
    {HTTP_GET,    "/",                                    PERM_PUBLIC,          ROW_NONE,      landing,           NONE, NULL,                  NULL,                 200, "system", "landing", "What this is and where to go", 0, NOQUERY},
    {HTTP_GET,    "/healthz",                             PERM_PUBLIC,          ROW_NONE,      health,            NONE, NULL,                  &status_schema,       200, "system", "health", "Is the process alive?", 0, NOQUERY},
    {HTTP_GET,    "/readyz",                              PERM_PUBLIC,          ROW_NONE,      ready,             NONE, NULL,                  &status_schema,       200, "system", "ready", "May it be sent work?", E(UNAVAILABLE), NOQUERY},
    {HTTP_GET,    "/openapi.json",                        PERM_PUBLIC,          ROW_NONE,      openapi_document,  NONE, NULL,                  NULL,                 200, "system", "openapi", "This description", 0, NOQUERY},
    {HTTP_GET,    "/metrics",                             PERM_SYSTEM_READ,     ROW_ALL,       metrics,           NONE, NULL,                  NULL,                 200, "system", "metrics", "Counters in the Prometheus text format", 0, NOQUERY},
    {HTTP_GET,    "/v1/register/verification",            PERM_REGISTER_READ,   ROW_ALL,       register_verify,   NONE, NULL,                  &verification_schema, 200, "register", "verifyRegister", "Hash the register again and compare it with its heads file and the marks", E(UNAVAILABLE), NOQUERY},
    {HTTP_GET,    "/v1/audit",                            PERM_AUDIT_READ,      ROW_ALL,       audit_index,       NONE, NULL,                  &audit_list_schema,   200, "audit", "listAudit", "Who asked for what, newest first", 0, QUERY(audit_query)},
    {HTTP_GET,    "/v1/register/signed",                  PERM_REGISTER_READ,   ROW_ALL,       register_signed_show, NONE, NULL,               NULL,                 200, "register", "getSignedRegister", "The newest signed copy of the ends of all chains, to be kept elsewhere", E(NOT_FOUND), NOQUERY, .flags = ROUTE_AUDIT},
    {HTTP_GET,    "/v1/settings",                         PERM_SYSTEM_READ,     ROW_ALL,       setting_index,     NONE, NULL,                  &setting_list_schema, 200, "system", "listSettings", "Every option, its value and where it came from", 0, NOQUERY},
    {HTTP_GET,    "/v1/settings/{name}",                  PERM_SYSTEM_READ,     ROW_ALL,       setting_show,      NONE, NULL,                  &setting_schema,      200, "system", "getSetting", "One option", E(NOT_FOUND), NOQUERY},
    {HTTP_PATCH,  "/v1/settings/{name}",                  PERM_SYSTEM_WRITE,    ROW_ALL,       setting_patch,     JSON, &setting_in_schema,    &setting_schema,      200, "system", "updateSetting", "Change an option that may change while the server runs", E(NOT_FOUND)|E(CONFLICT)|E(PRECONDITION), NOQUERY},
    {HTTP_GET,    "/v1/system",                           PERM_SYSTEM_READ,     ROW_ALL,       system_show,       NONE, NULL,                  &system_schema,       200, "system", "getSystem", "What runs here and what to mend", 0, NOQUERY},
    {HTTP_GET,    "/v1/system/schedule",                  PERM_SYSTEM_READ,     ROW_ALL,       schedule_index,    NONE, NULL,                  &schedule_schema,     200, "system", "getSchedule", "The periodic jobs: last run, next run, last error", 0, NOQUERY},
    {HTTP_POST,   "/v1/system/schedule/{job}/run",        PERM_SYSTEM_WRITE,    ROW_ALL,       schedule_run_now,  NONE, NULL,                  NULL,                 204, "system", "runScheduledJob", "Make a periodic job due now; it runs within seconds", E(NOT_FOUND), NOQUERY},
    {HTTP_GET,    "/v1/system/engine",                    PERM_SYSTEM_WRITE,    ROW_ALL,       engine_show,       NONE, NULL,                  &engine_switch_schema, 200, "system", "getEngine", "Which engine decides, and how a switch to another goes", E(NOT_FOUND), NOQUERY},
    {HTTP_GET,    "/v1/system/engine/missing",            PERM_SYSTEM_WRITE,    ROW_ALL,       engine_missing_index, NONE, NULL,               &engine_missing_list_schema, 200, "system", "listEngineMissing", "Students whom the new engine cannot recognise yet", E(NOT_FOUND)|E(CONFLICT), QUERY(page_query)},
    {HTTP_GET,    "/v1/system/engine/differences",        PERM_SYSTEM_WRITE,    ROW_ALL,       engine_difference_index, NONE, NULL,            &engine_difference_list_schema, 200, "system", "listEngineDifferences", "Students whom the other engine decided differently", 0, QUERY(page_query)},
    {HTTP_POST,   "/v1/system/engine/start",              PERM_SYSTEM_WRITE,    ROW_ALL,       engine_start,      JSON, &engine_wish_schema,   &engine_switch_schema, 200, "system", "startEngineSwitch", "Put another engine on trial beside the one that decides", E(NOT_FOUND)|E(CONFLICT), NOQUERY},
    {HTTP_POST,   "/v1/system/engine/commit",             PERM_SYSTEM_WRITE,    ROW_ALL,       engine_commit,     NONE, NULL,                  &engine_switch_schema, 200, "system", "commitEngineSwitch", "Let the engine on trial decide; both stay alive", E(NOT_FOUND)|E(CONFLICT), NOQUERY},
    {HTTP_POST,   "/v1/system/engine/back",               PERM_SYSTEM_WRITE,    ROW_ALL,       engine_back,       NONE, NULL,                  &engine_switch_schema, 200, "system", "revertEngineSwitch", "Let the engine before decide again", E(NOT_FOUND)|E(CONFLICT), NOQUERY},
    {HTTP_POST,   "/v1/system/engine/finish",             PERM_SYSTEM_WRITE,    ROW_ALL,       engine_finish,     JSON, &engine_finish_schema, &engine_switch_schema, 200, "system", "finishEngineSwitch", "Unload the engine that does not decide", E(NOT_FOUND)|E(CONFLICT), NOQUERY},
    {HTTP_POST,   "/v1/system/calibration",               PERM_SYSTEM_WRITE,    ROW_ALL,       calibration_run,   JSON, &calibration_in_schema, &calibration_schema, 200, "system", "calibrate", "Measure false-match rates with the templates and sightings of this site", E(NOT_FOUND)|E(UNPROCESSABLE)|E(UNAVAILABLE), NOQUERY},

    {HTTP_POST,   "/v1/login",                            PERM_PUBLIC,          ROW_NONE,      login_create,      JSON, &login_in_schema,      &login_schema,        200, "access", "signIn", "Exchange a code or password for a token", E(UNAUTHENTICATED), NOQUERY, .flags = ROUTE_SECRET},
    {HTTP_DELETE, "/v1/login",                            PERM_SELF,            ROW_SELF,      login_delete_current, NONE, NULL,               NULL,                 204, "access", "signOut", "Revoke the token used", E(CONFLICT), NOQUERY},
    {HTTP_GET,    "/v1/me",                               PERM_SELF,            ROW_SELF,      me_show,           NONE, NULL,                  &user_schema,         200, "access", "getMe", "Who am I?", 0, NOQUERY},
    {HTTP_GET,    "/v1/me/marks",                         PERM_MARK_READ,       ROW_SELF,      me_marks,          NONE, NULL,                  &record_list_schema,  200, "access", "listMyMarks", "A student's own marks, newest session first", E(NOT_FOUND), QUERY(record_query)},
    {HTTP_GET,    "/v1/users",                            PERM_USER_ADMIN,      ROW_ALL,       user_index,        NONE, NULL,                  &user_list_schema,    200, "access", "listUsers", "Users, a page at a time", 0, QUERY(user_query)},
    {HTTP_POST,   "/v1/users",                            PERM_USER_ADMIN,      ROW_ALL,       user_create,       JSON, &user_in_schema,       &user_schema,         201, "access", "createUser", "Make a user", E(CONFLICT), NOQUERY},
    {HTTP_GET,    "/v1/users/{id}",                       PERM_USER_ADMIN,      ROW_ALL,       user_show,         NONE, NULL,                  &user_schema,         200, "access", "getUser", "One user", E(NOT_FOUND), NOQUERY},
    {HTTP_PATCH,  "/v1/users/{id}",                       PERM_USER_ADMIN,      ROW_ALL,       user_patch,        JSON, &user_patch_schema,    &user_schema,         200, "access", "updateUser", "Change a user's name, role or student; disable it", E(NOT_FOUND)|E(CONFLICT)|E(PRECONDITION), NOQUERY},
    {HTTP_DELETE, "/v1/users/{id}",                       PERM_USER_ADMIN,      ROW_ALL,       user_remove,       NONE, NULL,                  NULL,                 204, "access", "deleteUser", "Delete a user; never the last admin, never oneself", E(NOT_FOUND)|E(CONFLICT), NOQUERY},
    {HTTP_PUT,    "/v1/users/{id}/password",              PERM_USER_ADMIN,      ROW_ALL,       user_password,     JSON, &password_in_schema,   NULL,                 204, "access", "setPassword", "Set a user's password", E(NOT_FOUND), NOQUERY},
    {HTTP_POST,   "/v1/users/{id}/code",                  PERM_USER_ADMIN,      ROW_ALL,       user_code,         NONE, NULL,                  &code_schema,         200, "access", "createSignInCode", "A one-time sign-in code for a user", E(NOT_FOUND), NOQUERY, .flags = ROUTE_SECRET},
    {HTTP_GET,    "/v1/api-clients",                      PERM_USER_ADMIN,      ROW_ALL,       api_client_index,  NONE, NULL,                  &api_client_list_schema, 200, "access", "listApiClients", "Programs with a key, a page at a time", 0, QUERY(client_query)},
    {HTTP_POST,   "/v1/api-clients",                      PERM_USER_ADMIN,      ROW_ALL,       api_client_create, JSON, &api_client_in_schema, &api_client_key_schema, 201, "access", "createApiClient", "Make a key for a program; it is told once", E(CONFLICT), NOQUERY, .flags = ROUTE_SECRET},
    {HTTP_GET,    "/v1/api-clients/{id}",                 PERM_USER_ADMIN,      ROW_ALL,       api_client_show,   NONE, NULL,                  &api_client_schema,   200, "access", "getApiClient", "One API client", E(NOT_FOUND), NOQUERY},
    {HTTP_PATCH,  "/v1/api-clients/{id}",                 PERM_USER_ADMIN,      ROW_ALL,       api_client_patch,  JSON, &api_client_patch_schema, &api_client_schema, 200, "access", "updateApiClient", "Change name, scopes, camera or expiry", E(NOT_FOUND)|E(CONFLICT)|E(PRECONDITION), NOQUERY},
    {HTTP_POST,   "/v1/api-clients/{id}/key",             PERM_USER_ADMIN,      ROW_ALL,       api_client_renew,  NONE, NULL,                  &api_client_key_schema, 200, "access", "rotateApiKey", "A new key; the old one is worthless at once", E(NOT_FOUND), NOQUERY, .flags = ROUTE_SECRET},
    {HTTP_DELETE, "/v1/api-clients/{id}",                 PERM_USER_ADMIN,      ROW_ALL,       api_client_remove, NONE, NULL,                  NULL,                 204, "access", "revokeApiClient", "Revoke the key; the client stays in the list of the revoked", E(NOT_FOUND), NOQUERY},

    {HTTP_GET,    "/v1/students",                         PERM_STUDENT_READ,    ROW_LIST,      student_index,     NONE, NULL,                  &student_list_schema, 200, "students", "listStudents", "Students, a page at a time", 0, QUERY(student_query)},
    {HTTP_POST,   "/v1/students",                         PERM_STUDENT_WRITE,   ROW_ALL,       student_create,    JSON, &student_in_schema,    &student_schema,      201, "students", "createStudent", "Register a student", E(CONFLICT), NOQUERY},
    {HTTP_GET,    "/v1/students/{id}",                    PERM_STUDENT_READ,    ROW_STUDENT,   student_show,      NONE, NULL,                  &student_schema,      200, "students", "getStudent", "One student", E(NOT_FOUND), NOQUERY},
    {HTTP_PATCH,  "/v1/students/{id}",                    PERM_STUDENT_WRITE,   ROW_STUDENT,   student_patch,     JSON, &student_patch_schema, &student_schema,      200, "students", "updateStudent", "Change a student", E(NOT_FOUND)|E(CONFLICT)|E(PRECONDITION), NOQUERY},
    {HTTP_DELETE, "/v1/students/{id}",                    PERM_STUDENT_WRITE,   ROW_STUDENT,   student_remove,    NONE, NULL,                  &erasure_schema,      200, "students", "deleteStudent", "Erase a student; who has marks stays without a name. Gives a signed receipt", E(NOT_FOUND)|E(CONFLICT), NOQUERY},
    {HTTP_GET,    "/v1/erasures",                         PERM_CONSENT_READ,    ROW_ALL,       erasure_index,     NONE, NULL,                  &erasure_page_schema, 200, "students", "listErasures", "Receipts of erasures, newest first", 0, QUERY(erasure_query), .flags = ROUTE_AUDIT},
    {HTTP_GET,    "/v1/erasures/{id}",                    PERM_CONSENT_READ,    ROW_ALL,       erasure_show,      NONE, NULL,                  &erasure_schema,      200, "students", "getErasure", "The signed receipt of an erasure", E(NOT_FOUND), NOQUERY, .flags = ROUTE_AUDIT},
    {HTTP_GET,    "/v1/students/{id}/consents",           PERM_CONSENT_READ,    ROW_STUDENT,   consent_index,     NONE, NULL,                  &consent_list_schema, 200, "students", "listConsents", "What the student agreed to, ended consents too", E(NOT_FOUND), QUERY(page_query)},
    {HTTP_POST,   "/v1/students/{id}/consents",           PERM_CONSENT_WRITE,   ROW_STUDENT,   consent_create,    JSON, &consent_in_schema,    &consent_schema,      201, "students", "recordConsent", "Record a consent; it takes the place of the one of its purpose", E(NOT_FOUND)|E(CONFLICT), NOQUERY},
    {HTTP_POST,   "/v1/students/{id}/consents/{consent}/withdraw", PERM_CONSENT_END, ROW_STUDENT, consent_end,     NONE, NULL,                  &consent_end_schema,  200, "students", "withdrawConsent", "End a consent; without one to recognition the face is erased", E(NOT_FOUND)|E(CONFLICT), NOQUERY},
    {HTTP_POST,   "/v1/students/{id}/photos",             PERM_STUDENT_WRITE,   ROW_STUDENT,   photos_create,     BODY_PHOTOS, NULL,           &job_schema,          202, "students", "enrolPhotos", "Enrol photos; the job has a verdict for each", E(NOT_FOUND)|E(CONFLICT)|E(UNSUPPORTED), QUERY(photos_query)},
    {HTTP_DELETE, "/v1/students/{id}/photos",             PERM_STUDENT_WRITE,   ROW_STUDENT,   photos_remove,     NONE, NULL,                  NULL,                 204, "students", "forgetPhotos", "Forget the student's face", E(NOT_FOUND), NOQUERY},
    {HTTP_GET,    "/v1/students/{id}/kept-photos",        PERM_STUDENT_WRITE,   ROW_STUDENT,   kept_photo_index,  NONE, NULL,                  &kept_photo_list_schema, 200, "students", "listKeptPhotos", "Enrolment photos that are kept with the student's consent", E(NOT_FOUND), QUERY(page_query), .flags = ROUTE_AUDIT},
    {HTTP_GET,    "/v1/students/{id}/kept-photos/{photo}", PERM_STUDENT_WRITE,  ROW_STUDENT,   kept_photo_show,   NONE, NULL,                  NULL,                 200, "students", "getKeptPhoto", "The picture itself", E(NOT_FOUND), NOQUERY, .flags = ROUTE_AUDIT},
    {HTTP_GET,    "/v1/students/{id}/templates",          PERM_FACE_READ,       ROW_STUDENT,   template_index,    NONE, NULL,                  &template_list_schema, 200, "students", "listTemplates", "The photos behind the student's face, without vectors", E(NOT_FOUND), NOQUERY, .flags = ROUTE_AUDIT},
    {HTTP_DELETE, "/v1/students/{id}/templates/{template}", PERM_STUDENT_WRITE,   ROW_STUDENT,   template_remove,  NONE, NULL,                  NULL,                 204, "students", "deleteTemplate", "Forget one photo", E(NOT_FOUND), NOQUERY},
    {HTTP_GET,    "/v1/students/{id}/marks",              PERM_MARK_READ,       ROW_STUDENT,   record_index,      NONE, NULL,                  &record_list_schema,  200, "students", "listMarksOf", "The student's marks, newest session first; an instructor sees those of own courses", E(NOT_FOUND), QUERY(record_query)},
    {HTTP_POST,   "/v1/students/{id}/invite",             PERM_STUDENT_WRITE,   ROW_STUDENT,   student_invite,    JSON, &invite_in_schema,     &invite_schema,       200, "students", "inviteStudent", "A one-time sign-in code for the student, whose user is made when there is none", E(NOT_FOUND)|E(CONFLICT), NOQUERY, .flags = ROUTE_SECRET},
    {HTTP_GET,    "/v1/students/{id}/export",             PERM_STUDENT_EXPORT,  ROW_STUDENT,   student_export,    NONE, NULL,                  NULL,                 200, "students", "exportStudent", "Everything held on the student, as JSON or as a zip with CSV files", E(NOT_FOUND)|E(TOO_LARGE), QUERY(export_query), ROUTE_AUDIT},
    {HTTP_GET,    "/v1/students/{id}/look-alikes",        PERM_FACE_READ,       ROW_ALL,       look_alike_of_student, NONE, NULL,              &look_alike_list_schema, 200, "students", "listLookAlikesOf", "Who looks like the student", E(NOT_FOUND), QUERY(page_query)},
    {HTTP_GET,    "/v1/look-alikes",                      PERM_FACE_READ,       ROW_ALL,       look_alike_index,  NONE, NULL,                  &look_alike_list_schema, 200, "students", "listLookAlikes", "All pairs of students who look alike", 0, QUERY(page_query)},
    {HTTP_GET,    "/v1/jobs",                             PERM_FACE_READ,       ROW_ALL,       job_index,         NONE, NULL,                  &job_list_schema,     200, "jobs", "listJobs", "Jobs, newest first", 0, QUERY(job_query)},
    {HTTP_GET,    "/v1/jobs/{id}",                        PERM_FACE_READ,       ROW_ALL,       job_show,          NONE, NULL,                  &job_schema,          200, "jobs", "getJob", "One job", E(NOT_FOUND), NOQUERY},

    {HTTP_GET,    "/v1/courses",                          PERM_COURSE_READ,     ROW_LIST,      course_index,      NONE, NULL,                  &course_list_schema,  200, "courses", "listCourses", "Courses, a page at a time", 0, QUERY(course_query)},
    {HTTP_POST,   "/v1/courses",                          PERM_COURSE_WRITE,    ROW_ALL,       course_create,     JSON, &course_in_schema,     &course_schema,       201, "courses", "createCourse", "Make a course", E(CONFLICT), NOQUERY},
    {HTTP_GET,    "/v1/courses/{id}",                     PERM_COURSE_READ,     ROW_COURSE,    course_show,       NONE, NULL,                  &course_schema,       200, "courses", "getCourse", "One course", E(NOT_FOUND), NOQUERY},
    {HTTP_PATCH,  "/v1/courses/{id}",                     PERM_COURSE_WRITE,    ROW_COURSE,    course_patch,      JSON, &course_patch_schema,  &course_schema,       200, "courses", "updateCourse", "Change a course", E(NOT_FOUND)|E(CONFLICT)|E(PRECONDITION), NOQUERY},
    {HTTP_DELETE, "/v1/courses/{id}",                     PERM_COURSE_WRITE,    ROW_COURSE,    course_remove,     NONE, NULL,                  NULL,                 204, "courses", "deleteCourse", "Delete a course without sessions", E(NOT_FOUND)|E(CONFLICT), NOQUERY},
    {HTTP_GET,    "/v1/courses/{id}/calendar.ics",        PERM_SESSION_READ,    ROW_COURSE,    course_calendar,   NONE, NULL,                  NULL,                 200, "courses", "getCourseCalendar", "The course's planned sessions as an iCalendar file, times in UTC; those of the last 400 days and ahead", E(NOT_FOUND)|E(TOO_LARGE), NOQUERY},
    {HTTP_GET,    "/v1/courses/{id}/instructors",         PERM_ROSTER_READ,     ROW_COURSE,    instructor_index,  NONE, NULL,                  &instructor_list_schema, 200, "courses", "listInstructors", "Who teaches the course", E(NOT_FOUND), NOQUERY},
    {HTTP_PUT,    "/v1/courses/{id}/instructors/{user}",  PERM_COURSE_WRITE,    ROW_COURSE,    instructor_put,    NONE, NULL,                  NULL,                 204, "courses", "addInstructor", "Let a user teach the course: sessions, marks and roster become theirs to see", E(NOT_FOUND)|E(CONFLICT), NOQUERY},
    {HTTP_DELETE, "/v1/courses/{id}/instructors/{user}",  PERM_COURSE_WRITE,    ROW_COURSE,    instructor_delete, NONE, NULL,                  NULL,                 204, "courses", "removeInstructor", "Take the course from a user", E(NOT_FOUND), NOQUERY},
    {HTTP_GET,    "/v1/courses/{id}/roster",              PERM_ROSTER_READ,     ROW_COURSE,    roster_index,      NONE, NULL,                  &roster_list_schema,  200, "courses", "getRoster", "Who is enrolled", E(NOT_FOUND), QUERY(roster_query)},
    {HTTP_PUT,    "/v1/courses/{id}/roster/{student}",    PERM_COURSE_WRITE,    ROW_COURSE,    roster_put,        NONE, NULL,                  NULL,                 204, "courses", "enrolStudent", "Put a student on the roster", E(NOT_FOUND)|E(CONFLICT), NOQUERY},
    {HTTP_DELETE, "/v1/courses/{id}/roster/{student}",    PERM_COURSE_WRITE,    ROW_COURSE,    roster_delete,     NONE, NULL,                  NULL,                 204, "courses", "unenrolStudent", "Take a student off the roster", E(NOT_FOUND), NOQUERY},

    {HTTP_GET,    "/v1/sessions",                         PERM_SESSION_READ,    ROW_LIST,      session_index,     NONE, NULL,                  &session_list_schema, 200, "sessions", "listSessions", "Sessions, newest first", 0, QUERY(session_query)},
    {HTTP_POST,   "/v1/sessions",                         PERM_SESSION_WRITE,   ROW_COURSE_IN, session_create,    JSON, &session_in_schema,    &session_schema,      201, "sessions", "createSession", "Plan a session", 0, NOQUERY},
    {HTTP_GET,    "/v1/sessions/{id}",                    PERM_SESSION_READ,    ROW_SESSION,   session_show,      NONE, NULL,                  &session_schema,      200, "sessions", "getSession", "One session", E(NOT_FOUND), NOQUERY},
    {HTTP_PATCH,  "/v1/sessions/{id}",                    PERM_SESSION_WRITE,   ROW_SESSION,   session_patch,     JSON, &session_patch_schema, &session_schema,      200, "sessions", "updateSession", "Change title and planned times", E(NOT_FOUND)|E(CONFLICT)|E(PRECONDITION), NOQUERY},
    {HTTP_POST,   "/v1/sessions/{id}/cancel",             PERM_SESSION_WRITE,   ROW_SESSION,   session_call_off,  JSON, &session_cancel_schema, &session_schema,     200, "sessions", "cancelSession", "It does not take place: no frames, no absences", E(NOT_FOUND)|E(CONFLICT), NOQUERY},
    {HTTP_DELETE, "/v1/sessions/{id}",                    PERM_SESSION_WRITE,   ROW_SESSION,   session_remove,    NONE, NULL,                  NULL,                 204, "sessions", "deleteSession", "Delete a session without marks", E(NOT_FOUND)|E(CONFLICT), NOQUERY},
    {HTTP_POST,   "/v1/sessions/{id}/start",              PERM_SESSION_WRITE,   ROW_SESSION,   session_begin,     NONE, NULL,                  &session_schema,      200, "sessions", "startSession", "Take frames from now on", E(NOT_FOUND)|E(CONFLICT), NOQUERY},
    {HTTP_POST,   "/v1/sessions/{id}/stop",               PERM_SESSION_WRITE,   ROW_SESSION,   session_end,       NONE, NULL,                  &session_schema,      200, "sessions", "stopSession", "Take no more frames; who has no mark is absent", E(NOT_FOUND)|E(CONFLICT), NOQUERY},
    {HTTP_POST,   "/v1/sessions/{id}/frames",             PERM_FRAME_POST,      ROW_SESSION,   frame_create,      BODY_IMAGE, NULL,            &frame_schema,        202, "sessions", "postFrame", "Send one picture", E(NOT_FOUND)|E(CONFLICT)|E(UNSUPPORTED)|E(UNPROCESSABLE)|E(FULL)|E(TIMEOUT), QUERY(frame_query), .flags = ROUTE_UNAUDITED},
    {HTTP_POST,   "/v1/sessions/{id}/photos",             PERM_FRAME_POST,      ROW_SESSION,   class_photos_create, BODY_PHOTOS, NULL,         &class_photos_schema, 202, "sessions", "postClassPhotos", "Send photos of the whole class, 12 to 64 megapixels", E(NOT_FOUND)|E(CONFLICT)|E(TOO_LARGE)|E(UNSUPPORTED)|E(UNPROCESSABLE)|E(FULL)|E(TIMEOUT), QUERY(photo_query)},
    {HTTP_POST,   "/v1/sessions/{id}/challenges",         PERM_FRAME_POST,      ROW_SESSION,   challenge_create,  NONE, NULL,                  &event_challenge_schema, 201, "sessions", "createChallenge", "Begin a liveness challenge", E(NOT_FOUND)|E(CONFLICT)|E(RATE), NOQUERY},
    {HTTP_POST,   "/v1/sessions/{id}/challenges/{challenge}/frames", PERM_FRAME_POST,      ROW_SESSION,   challenge_frame, BODY_IMAGE, NULL,    &event_frame_result_schema, 200, "sessions", "postChallengeFrame", "Send one picture of a challenge; its result tells what to show next", E(NOT_FOUND)|E(CONFLICT)|E(UNSUPPORTED)|E(UNPROCESSABLE)|E(FULL)|E(TIMEOUT), QUERY(challenge_query), .flags = ROUTE_UNAUDITED},
    {HTTP_GET,    "/v1/sessions/{id}/cameras",            PERM_SESSION_READ,    ROW_SESSION,   session_camera_index, NONE, NULL,               &session_camera_list_schema, 200, "sessions", "listSessionCameras", "Cameras assigned to the session; none: it takes any", E(NOT_FOUND), NOQUERY},
    {HTTP_PUT,    "/v1/sessions/{id}/cameras/{camera}",   PERM_SESSION_WRITE,   ROW_SESSION,   session_camera_put, NONE, NULL,                 NULL,                 204, "sessions", "assignCamera", "Take frames of this camera, and of no other key that is not assigned", E(NOT_FOUND), NOQUERY},
    {HTTP_DELETE, "/v1/sessions/{id}/cameras/{camera}",   PERM_SESSION_WRITE,   ROW_SESSION,   session_camera_delete, NONE, NULL,              NULL,                 204, "sessions", "unassignCamera", "End the assignment", E(NOT_FOUND), NOQUERY},
    {HTTP_GET,    "/v1/sessions/{id}/code",               PERM_SESSION_WRITE,   ROW_SESSION,   code_show,         NONE, NULL,                  &mark_code_schema,    200, "sessions", "getCode", "The code to show on the wall; a new one every 30 s", E(NOT_FOUND)|E(CONFLICT), NOQUERY, .flags = ROUTE_AUDIT},
    {HTTP_POST,   "/v1/sessions/{id}/code-marks",         PERM_MARK_CODE,       ROW_SESSION,   code_mark_create,  JSON, &mark_code_in_schema,  &code_mark_schema,    200, "sessions", "postCodeMark", "Be marked by the code that is shown", E(NOT_FOUND)|E(CONFLICT)|E(UNPROCESSABLE)|E(RATE), NOQUERY},
    {HTTP_GET,    "/v1/sessions/{id}/marks",              PERM_ATTENDANCE_READ, ROW_SESSION,   marks_index,       NONE, NULL,                  &mark_list_schema,    200, "sessions", "listMarks", "Who was seen, and who is missing", E(NOT_FOUND), NOQUERY},
    {HTTP_GET,    "/v1/sessions/{id}/marks/{student}",    PERM_MARK_READ,       ROW_MARK,      mark_show,         NONE, NULL,                  &mark_history_schema, 200, "sessions", "getMark", "A student's mark, its receipt, and what the register tells of it", E(NOT_FOUND), NOQUERY, .flags = ROUTE_AUDIT},
    {HTTP_PUT,    "/v1/sessions/{id}/marks/{student}",    PERM_MARK_WRITE,      ROW_MARK,      mark_put,          JSON, &mark_in_schema,       &mark_schema,         200, "sessions", "correctMark", "Set a mark by hand, with a reason; decides a dispute", E(NOT_FOUND)|E(CONFLICT), NOQUERY},
    {HTTP_POST,   "/v1/sessions/{id}/marks/{student}/dispute", PERM_MARK_CONTEST,    ROW_MARK,      mark_contest,     JSON, &dispute_in_schema,    &mark_schema,         200, "sessions", "disputeMark", "Contest a mark; it stays until somebody decides", E(NOT_FOUND)|E(CONFLICT), NOQUERY},
    {HTTP_GET,    "/v1/disputes",                         PERM_ATTENDANCE_READ, ROW_LIST,      dispute_index,     NONE, NULL,                  &dispute_list_schema, 200, "sessions", "listDisputes", "Contested marks, the most doubtful first", 0, QUERY(dispute_query)},
    {HTTP_POST,   "/v1/sessions/{id}/events-ticket",      PERM_ATTENDANCE_READ, ROW_SESSION,   events_ticket,     NONE, NULL,                  &ticket_schema,       200, "sessions", "createEventsTicket", "A one-use ticket for the WebSocket", E(NOT_FOUND), NOQUERY, .flags = ROUTE_UNAUDITED},
    {HTTP_GET,    "/v1/sessions/{id}/events",             PERM_ATTENDANCE_READ, ROW_SESSION,   events_upgrade,    NONE, NULL,                  NULL,                 101, "sessions", "events", "WebSocket (subprotocol rollcall.v1): FrameResult, MarkChanged, SessionChanged, FrameDropped and Lag messages", 0, QUERY(event_query)},

    {HTTP_GET,    "/v1/reports/session",                  PERM_REPORT_READ,     ROW_LIST,      report_session,    NONE, NULL,                  &session_report_schema, 200, "reports", "reportSession", "A session: everybody on its roster, JSON or CSV", E(NOT_FOUND), QUERY(session_report_query)},
    {HTTP_GET,    "/v1/reports/course",                   PERM_REPORT_READ,     ROW_LIST,      report_course,     NONE, NULL,                  &course_report_schema, 200, "reports", "reportCourse", "A course: its students by its sessions, JSON or CSV", E(NOT_FOUND), QUERY(course_report_query)},
    {HTTP_GET,    "/v1/reports/student",                  PERM_REPORT_READ,     ROW_LIST,      report_student,    NONE, NULL,                  &student_report_schema, 200, "reports", "reportStudent", "A student: each session of each course, JSON or CSV", E(NOT_FOUND), QUERY(student_report_query)},
    {HTTP_GET,    "/v1/reports/term",                     PERM_REPORT_READ,     ROW_LIST,      report_term,       NONE, NULL,                  &term_report_schema,  200, "reports", "reportTerm", "A term: totals of each student, JSON or CSV", 0, QUERY(term_report_query)},
    {HTTP_GET,    "/v1/reports/term/courses",             PERM_REPORT_READ,     ROW_LIST,      report_term_by_course, NONE, NULL,              &term_courses_report_schema, 200, "reports", "reportTermCourses", "A term: totals of each course, JSON or CSV", 0, QUERY(term_report_query)},

    {HTTP_POST,   "/v1/imports/students",                 PERM_STUDENT_WRITE,   ROW_ALL,       students_import,   BODY_CSV, NULL,              &import_schema,       200, "imports", "importStudents", "Students from a CSV file, all lines or none", E(UNSUPPORTED)|E(UNPROCESSABLE)|E(CONFLICT)|E(UNAVAILABLE), QUERY(import_students_query)},
    {HTTP_POST,   "/v1/imports/courses",                  PERM_COURSE_WRITE,    ROW_ALL,       courses_import,    BODY_CSV, NULL,              &import_schema,       200, "imports", "importCourses", "Courses from a CSV file, all lines or none", E(UNSUPPORTED)|E(UNPROCESSABLE)|E(CONFLICT)|E(UNAVAILABLE), QUERY(import_courses_query)},
    {HTTP_POST,   "/v1/imports/rosters",                  PERM_COURSE_WRITE,    ROW_ALL,       rosters_import,    BODY_CSV, NULL,              &import_schema,       200, "imports", "importRosters", "Rosters from a CSV file, all lines or none", E(UNSUPPORTED)|E(UNPROCESSABLE)|E(CONFLICT)|E(UNAVAILABLE), QUERY(import_rosters_query)},
    {HTTP_POST,   "/v1/imports/oneroster",                PERM_COURSE_WRITE,    ROW_ALL,       oneroster_import,  BODY_ZIP, NULL,              &import_schema,       200, "imports", "importOneRoster", "Students, courses and rosters from OneRoster 1.1 CSV, all lines or none", E(UNSUPPORTED)|E(UNPROCESSABLE)|E(CONFLICT)|E(UNAVAILABLE), QUERY(import_oneroster_query)},

    {HTTP_GET,    "/v1/cameras",                          PERM_CAMERA_READ,     ROW_ALL,       camera_index,      NONE, NULL,                  &camera_list_schema,  200, "cameras", "listCameras", "Cameras, a page at a time", 0, QUERY(camera_query)},
    {HTTP_POST,   "/v1/cameras",                          PERM_CAMERA_WRITE,    ROW_ALL,       camera_create,     JSON, &camera_in_schema,     &camera_schema,       201, "cameras", "createCamera", "Register a camera", E(CONFLICT), NOQUERY},
    {HTTP_GET,    "/v1/cameras/{id}",                     PERM_CAMERA_READ,     ROW_ALL,       camera_show,       NONE, NULL,                  &camera_schema,       200, "cameras", "getCamera", "One camera", E(NOT_FOUND), NOQUERY},
    {HTTP_PATCH,  "/v1/cameras/{id}",                     PERM_CAMERA_WRITE,    ROW_ALL,       camera_patch,      JSON, &camera_patch_schema,  &camera_schema,       200, "cameras", "updateCamera", "Change a camera", E(NOT_FOUND)|E(CONFLICT)|E(PRECONDITION), NOQUERY},
    {HTTP_DELETE, "/v1/cameras/{id}",                     PERM_CAMERA_WRITE,    ROW_ALL,       camera_remove,     NONE, NULL,                  NULL,                 204, "cameras", "deleteCamera", "Forget a camera", E(NOT_FOUND)|E(CONFLICT), NOQUERY},

    {HTTP_GET,     "/v1/institution",                     PERM_PLACE_READ,      ROW_NONE,      institution_show,  NONE, NULL,                  &institution_schema,  200, "places", "getInstitution", "Whose installation this is", 0, NOQUERY},
    {HTTP_PATCH,   "/v1/institution",                     PERM_PLACE_WRITE,     ROW_ALL,       institution_patch, JSON, &institution_patch_schema, &institution_schema,  200, "places", "updateInstitution", "Change name or locale", E(PRECONDITION), NOQUERY},
    {HTTP_GET,     "/v1/sites",                           PERM_PLACE_READ,      ROW_NONE,      site_index,        NONE, NULL,                  &site_list_schema,    200, "places", "listSites", "Sites, a page at a time", 0, QUERY(page_query)},
    {HTTP_POST,    "/v1/sites",                           PERM_PLACE_WRITE,     ROW_ALL,       site_create,       JSON, &site_in_schema,       &site_schema,         201, "places", "createSite", "Make a site", E(CONFLICT), NOQUERY},
    {HTTP_GET,     "/v1/sites/{id}",                      PERM_PLACE_READ,      ROW_NONE,      site_show,         NONE, NULL,                  &site_schema,         200, "places", "getSite", "One site", E(NOT_FOUND), NOQUERY},
    {HTTP_PATCH,   "/v1/sites/{id}",                      PERM_PLACE_WRITE,     ROW_ALL,       site_patch,        JSON, &site_patch_schema,    &site_schema,         200, "places", "updateSite", "Change a site", E(NOT_FOUND)|E(CONFLICT)|E(PRECONDITION), NOQUERY},
    {HTTP_DELETE,  "/v1/sites/{id}",                      PERM_PLACE_WRITE,     ROW_ALL,       site_remove,       NONE, NULL,                  NULL,                 204, "places", "deleteSite", "Delete a site that nothing refers to", E(NOT_FOUND)|E(CONFLICT), NOQUERY},
    {HTTP_GET,     "/v1/rooms",                           PERM_PLACE_READ,      ROW_NONE,      room_index,        NONE, NULL,                  &room_list_schema,    200, "places", "listRooms", "Rooms, a page at a time", 0, QUERY(place_query)},
    {HTTP_POST,    "/v1/rooms",                           PERM_PLACE_WRITE,     ROW_ALL,       room_create,       JSON, &room_in_schema,       &room_schema,         201, "places", "createRoom", "Make a room", E(CONFLICT), NOQUERY},
    {HTTP_GET,     "/v1/rooms/{id}",                      PERM_PLACE_READ,      ROW_NONE,      room_show,         NONE, NULL,                  &room_schema,         200, "places", "getRoom", "One room", E(NOT_FOUND), NOQUERY},
    {HTTP_PATCH,   "/v1/rooms/{id}",                      PERM_PLACE_WRITE,     ROW_ALL,       room_patch,        JSON, &room_patch_schema,    &room_schema,         200, "places", "updateRoom", "Change a room", E(NOT_FOUND)|E(CONFLICT)|E(PRECONDITION), NOQUERY},
    {HTTP_DELETE,  "/v1/rooms/{id}",                      PERM_PLACE_WRITE,     ROW_ALL,       room_remove,       NONE, NULL,                  NULL,                 204, "places", "deleteRoom", "Delete a room that nothing refers to", E(NOT_FOUND)|E(CONFLICT), NOQUERY},
    {HTTP_GET,     "/v1/terms",                           PERM_PLACE_READ,      ROW_NONE,      term_index,        NONE, NULL,                  &term_list_schema,    200, "places", "listTerms", "Terms, a page at a time", 0, QUERY(place_query)},
    {HTTP_POST,    "/v1/terms",                           PERM_PLACE_WRITE,     ROW_ALL,       term_create,       JSON, &term_in_schema,       &term_schema,         201, "places", "createTerm", "Make a term", E(CONFLICT), NOQUERY},
    {HTTP_GET,     "/v1/terms/{id}",                      PERM_PLACE_READ,      ROW_NONE,      term_show,         NONE, NULL,                  &term_schema,         200, "places", "getTerm", "One term", E(NOT_FOUND), NOQUERY},
    {HTTP_PATCH,   "/v1/terms/{id}",                      PERM_PLACE_WRITE,     ROW_ALL,       term_patch,        JSON, &term_patch_schema,    &term_schema,         200, "places", "updateTerm", "Change a term", E(NOT_FOUND)|E(CONFLICT)|E(PRECONDITION), NOQUERY},
    {HTTP_DELETE,  "/v1/terms/{id}",                      PERM_PLACE_WRITE,     ROW_ALL,       term_remove,       NONE, NULL,                  NULL,                 204, "places", "deleteTerm", "Delete a term that nothing refers to", E(NOT_FOUND)|E(CONFLICT), NOQUERY},
    {HTTP_GET,     "/v1/holidays",                        PERM_PLACE_READ,      ROW_NONE,      holiday_index,     NONE, NULL,                  &holiday_list_schema, 200, "places", "listHolidays", "Holidays, a page at a time", 0, QUERY(place_query)},
    {HTTP_POST,    "/v1/holidays",                        PERM_PLACE_WRITE,     ROW_ALL,       holiday_create,    JSON, &holiday_in_schema,    &holiday_schema,      201, "places", "createHoliday", "Make a holiday", E(CONFLICT), NOQUERY},
    {HTTP_GET,     "/v1/holidays/{id}",                   PERM_PLACE_READ,      ROW_NONE,      holiday_show,      NONE, NULL,                  &holiday_schema,      200, "places", "getHoliday", "One holiday", E(NOT_FOUND), NOQUERY},
    {HTTP_PATCH,   "/v1/holidays/{id}",                   PERM_PLACE_WRITE,     ROW_ALL,       holiday_patch,     JSON, &holiday_patch_schema, &holiday_schema,      200, "places", "updateHoliday", "Change a holiday", E(NOT_FOUND)|E(CONFLICT)|E(PRECONDITION), NOQUERY},
    {HTTP_DELETE,  "/v1/holidays/{id}",                   PERM_PLACE_WRITE,     ROW_ALL,       holiday_remove,    NONE, NULL,                  NULL,                 204, "places", "deleteHoliday", "Delete a holiday that nothing refers to", E(NOT_FOUND)|E(CONFLICT), NOQUERY},

    {HTTP_GET,     "/v1/courses/{id}/timetable",          PERM_COURSE_READ,     ROW_COURSE,    timetable_of_course, NONE, NULL,                  &timetable_list_schema, 200, "timetable", "getCourseTimetable", "When a course meets", E(NOT_FOUND), QUERY(page_query)},
    {HTTP_POST,    "/v1/courses/{id}/timetable",          PERM_COURSE_WRITE,    ROW_COURSE,    timetable_create,  JSON, &timetable_in_schema,  &timetable_schema,    201, "timetable", "createTimetable", "Have a course meet every week; its sessions are made", E(NOT_FOUND)|E(CONFLICT), QUERY(clash_query)},
    {HTTP_GET,     "/v1/courses/{id}/timetable/{timetable}", PERM_COURSE_READ,     ROW_COURSE,    timetable_show,    NONE, NULL,                  &timetable_schema,    200, "timetable", "getTimetable", "One weekly sitting", E(NOT_FOUND), NOQUERY},
    {HTTP_PATCH,   "/v1/courses/{id}/timetable/{timetable}", PERM_COURSE_WRITE,    ROW_COURSE,    timetable_patch,   JSON, &timetable_patch_schema, &timetable_schema,    200, "timetable", "updateTimetable", "Change it, and its sessions ahead that nobody touched", E(NOT_FOUND)|E(CONFLICT)|E(PRECONDITION), QUERY(clash_query)},
    {HTTP_DELETE,  "/v1/courses/{id}/timetable/{timetable}", PERM_COURSE_WRITE,    ROW_COURSE,    timetable_remove,  NONE, NULL,                  NULL,                 204, "timetable", "deleteTimetable", "End it; its sessions ahead that nobody touched go, too", E(NOT_FOUND), NOQUERY},
    {HTTP_GET,     "/v1/timetable",                       PERM_PLACE_READ,      ROW_NONE,      timetable_index,   NONE, NULL,                  &timetable_list_schema, 200, "timetable", "listTimetables", "All weekly sittings, a page at a time", 0, QUERY(timetable_query)},
    {HTTP_POST,    "/v1/timetable/generate",              PERM_PLACE_WRITE,     ROW_ALL,       timetable_run,     NONE, NULL,                  &planned_schema,      200, "timetable", "generateSessions", "Bring the sessions of all timetables up to date now", 0, NOQUERY},
    {HTTP_POST,   "/v1/imports/icalendar",                PERM_COURSE_WRITE,    ROW_ALL,       calendar_import,   BODY_CALENDAR, NULL,         &import_schema,       200, "imports", "importCalendar", "Sessions from an iCalendar file, all events or none", E(UNSUPPORTED)|E(UNPROCESSABLE)|E(CONFLICT)|E(UNAVAILABLE), QUERY(import_calendar_query)},
};
/* clang-format on */
const int routes_n = ARRAY_LEN(routes);
