/* What the resources of api/ share: every handler, every schema the route table names, and the
 * small helpers of lists. One file per resource implements them; routes.c lists them. */
#pragma once

#include "api/internal.h"
#include "api/multipart.h"
#include "store/erasure.h"
#include "store/page.h"

/* A page of items; every list schema describes this struct. */
struct list {
    void *items;
    int n;
    struct str next; /* the cursor; empty: the end */
};

/* Defines `const struct schema NAME_schema` for a page of ITEM. */
#define LIST_SCHEMA(NAME, component, item)                                                         \
    static const struct field NAME##_fields[] = {                                                  \
        FIELD_LIST(struct list, items, n, &(item), 200, FIELD_REQUIRED,                            \
                   "In order of the cursor."),                                                     \
        FIELD_STR(struct list, next, 0, 1000, FIELD_NULLABLE,                                      \
                  "Pass as `after` for the next page; null: the end."),                            \
    };                                                                                             \
    const struct schema NAME##_schema = SCHEMA(component, struct list, NAME##_fields);

/* A student as others name one. */
struct person {
    char id[ID_TEXT];
    struct str external_id, name;
};

/* A course as others name one (sessions.c). */
struct course_ref {
    char id[ID_TEXT];
    struct str code, title;
};

/* A mark as the API shows it (marks.c). */
struct mark_out {
    struct person student;
    struct str status, source;
    usec_t first_seen, last_seen, disputed_at;
    char frame[ID_TEXT];
    struct str receipt;
    int64_t minutes, sweeps;
};
struct course;
struct session;
/* Makes c->out the session, with its ETag (sessions.c). */
NODISCARD enum err session_output(struct call *c, const struct session *s, struct error *e);
/* Inside the transaction that changed it: its session_changed, for the outbox. */
NODISCARD enum err session_tell(struct db_cx *cx, struct arena *a, const struct session *s,
                                struct error *e);
struct mark;
struct presence;
void mark_output(const struct mark *m, const struct presence *known, struct mark_out *ret_out);
/* In how many minutes and sweeps the student of the mark was seen (presence.c). Inside a db_read or
 * db_tx. Errors NOT_FOUND (session), NOMEM. */
NODISCARD enum err mark_known(struct db_cx *cx, struct arena *a, const struct mark *m,
                              struct presence *ret_known, struct error *e);
/* Those of marks [n] of one session, in one query. */
NODISCARD enum err marks_known(struct db_cx *cx, struct arena *a, const struct session *s,
                               const struct mark *marks, int n, struct presence **ret_known,
                               struct error *e);

/* Makes c->out a page of `n` items (size bytes each, the id at id_offset): when n > limit the last
 * one is cut off and `next` names the last shown. */
NODISCARD enum err call_list(struct call *c, void *items, int n, int limit, size_t size,
                             size_t id_offset, struct error *e);
/* `limit`, `sort` (one of the words, with a '-' before it from the last to the first) and `after`
 * of a sorted list, one row more than asked for in page->limit. Errors INVALID. */
NODISCARD enum err call_sorted(struct call *c, const char *const *words, struct list_page *ret_page,
                               struct error *e);
/* call_list for such a page; key is the sort key of the last row shown, folded when the list folds
 * it. */
NODISCARD enum err call_list_sorted(struct call *c, void *items, int n,
                                    const struct list_page *page, size_t size, size_t id_offset,
                                    struct str key, struct error *e);
/* The ASCII letters in lower case, as the lists sort. Out of memory: as it was. */
struct str call_fold(struct call *c, struct str s);
/* Sets Location to prefix + id. */
NODISCARD enum err call_location(struct call *c, const char *prefix, const char *id,
                                 struct error *e);
/* A query parameter that is one of the words; -1 when absent. Errors INVALID. */
NODISCARD enum err call_word(struct call *c, const char *name, const char *const *words,
                             int *ret_index, struct error *e);
/* The engine that decides now (system.c). */
struct api_engine call_engine(const struct call *c);
/* What an erasure needs; and after one the gallery of every process forgets the student, or loads
 * the student again (erasures.c). */
struct erasure_env call_erasure(const struct call *c);
NODISCARD enum err call_gallery_changed(struct call *c, struct student_id student, struct error *e);
/* Makes c->out the job (jobs.c). */
NODISCARD enum err job_output(struct call *c, const char *id, struct error *e);
/* A sentence for each periodic job whose last run failed, `max` at most (schedule.c). */
NODISCARD enum err schedule_warnings(struct call *c, struct str *texts, int max, int *ret_n,
                                     struct error *e);
/* The photos of a multipart or raw body (photos.c). Errors UNSUPPORTED, INVALID. */
NODISCARD enum err photos_of_request(struct call *c, struct multipart *ret_parts, struct error *e);

extern const struct schema consent_end_schema, erasure_schema, erasure_page_schema;
extern const struct schema consent_schema, consent_list_schema, consent_in_schema;
extern const struct schema person_schema, student_schema, student_list_schema, student_in_schema,
    student_patch_schema, job_schema, job_list_schema, photo_schema, course_schema,
    course_list_schema, course_in_schema, course_patch_schema, roster_schema, roster_list_schema,
    session_schema, session_list_schema, session_in_schema, frame_schema, mark_schema,
    mark_list_schema, mark_in_schema, mark_history_schema, mark_event_schema, dispute_in_schema,
    dispute_schema, dispute_list_schema, ticket_schema, class_photo_schema, class_photos_schema,
    camera_schema, camera_list_schema, camera_in_schema, user_schema, user_list_schema,
    user_in_schema, password_in_schema, login_in_schema, login_schema, code_schema, system_schema,
    gallery_schema, queue_schema, status_schema, kept_photo_list_schema, template_list_schema,
    template_schema, look_alike_schema, look_alike_list_schema, engine_switch_schema,
    engine_spec_schema, engine_missing_list_schema, engine_difference_list_schema,
    engine_wish_schema, engine_finish_schema, course_ref_schema, calibration_in_schema,
    calibration_schema, verification_schema, audit_schema, audit_list_schema, problem_schema,
    field_problem_schema;
extern const struct schema api_client_schema, api_client_list_schema, api_client_in_schema,
    api_client_patch_schema, api_client_key_schema, session_camera_schema,
    session_camera_list_schema;
extern const struct schema session_report_schema, course_report_schema, student_report_schema,
    term_report_schema, term_courses_report_schema;
extern const struct schema session_patch_schema, session_cancel_schema, mark_code_schema,
    mark_code_in_schema, code_mark_schema;
extern const struct schema schedule_schema, schedule_entry_schema;
extern const struct schema instructor_list_schema, user_patch_schema, record_list_schema,
    invite_schema, invite_in_schema;
extern const struct schema institution_schema, institution_patch_schema, site_schema,
    site_list_schema, site_in_schema, site_patch_schema, room_schema, room_list_schema,
    room_in_schema, room_patch_schema, term_schema, term_list_schema, term_in_schema,
    term_patch_schema, holiday_schema, holiday_list_schema, holiday_in_schema, holiday_patch_schema;

/* The policy that new courses begin with, as it is now (settings.c). */
NODISCARD enum err course_defaults(struct call *c, struct course *ret_course, struct error *e);
extern const struct schema camera_patch_schema, setting_schema, setting_list_schema,
    setting_in_schema;
extern const struct schema import_schema, import_counts_schema, import_line_schema,
    import_change_schema;
extern const struct schema timetable_schema, timetable_list_schema, timetable_in_schema,
    timetable_patch_schema, planned_schema;

#define HANDLER(name) NODISCARD enum err name(struct call *c, struct error *e)
HANDLER(audit_index);
HANDLER(register_verify);
HANDLER(report_session);
HANDLER(report_course);
HANDLER(report_student);
HANDLER(report_term);
HANDLER(report_term_by_course);
HANDLER(register_signed_show);
HANDLER(student_export);
HANDLER(landing);
HANDLER(health);
HANDLER(ready);
HANDLER(metrics);
HANDLER(openapi_document);
HANDLER(system_show);
HANDLER(schedule_index);
HANDLER(schedule_run_now);
HANDLER(engine_show);
HANDLER(engine_missing_index);
HANDLER(engine_difference_index);
HANDLER(engine_start);
HANDLER(engine_commit);
HANDLER(engine_back);
HANDLER(engine_finish);
HANDLER(calibration_run);
HANDLER(login_create);
HANDLER(login_delete_current);
HANDLER(me_show);
HANDLER(user_create);
HANDLER(user_index);
HANDLER(me_marks);
HANDLER(record_index);
HANDLER(student_invite);
HANDLER(user_show);
HANDLER(user_patch);
HANDLER(user_remove);
HANDLER(user_password);
HANDLER(user_code);
HANDLER(student_create);
HANDLER(student_index);
HANDLER(student_show);
HANDLER(student_patch);
HANDLER(student_remove);
HANDLER(photos_create);
HANDLER(photos_remove);
HANDLER(consent_index);
HANDLER(consent_create);
HANDLER(consent_end);
HANDLER(erasure_index);
HANDLER(erasure_show);
HANDLER(kept_photo_index);
HANDLER(kept_photo_show);
HANDLER(template_index);
HANDLER(template_remove);
HANDLER(look_alike_index);
HANDLER(look_alike_of_student);
HANDLER(job_show);
HANDLER(job_index);
HANDLER(course_create);
HANDLER(course_index);
HANDLER(course_show);
HANDLER(course_calendar);
HANDLER(course_patch);
HANDLER(course_remove);
HANDLER(instructor_index);
HANDLER(instructor_put);
HANDLER(instructor_delete);
HANDLER(roster_index);
HANDLER(roster_put);
HANDLER(roster_delete);
HANDLER(session_create);
HANDLER(session_index);
HANDLER(session_show);
HANDLER(session_remove);
HANDLER(session_begin);
HANDLER(session_end);
HANDLER(session_patch);
HANDLER(session_call_off);
HANDLER(frame_create);
HANDLER(class_photos_create);
HANDLER(students_import);
HANDLER(courses_import);
HANDLER(rosters_import);
HANDLER(oneroster_import);
HANDLER(challenge_create);
HANDLER(challenge_frame);
HANDLER(code_show);
HANDLER(code_mark_create);
HANDLER(marks_index);
HANDLER(mark_show);
HANDLER(mark_put);
HANDLER(mark_contest);
HANDLER(dispute_index);
HANDLER(events_ticket);
HANDLER(events_upgrade);
HANDLER(camera_create);
HANDLER(camera_index);
HANDLER(camera_show);
HANDLER(camera_remove);
HANDLER(institution_show);
HANDLER(institution_patch);
HANDLER(site_create);
HANDLER(site_index);
HANDLER(site_show);
HANDLER(site_patch);
HANDLER(site_remove);
HANDLER(room_create);
HANDLER(room_index);
HANDLER(room_show);
HANDLER(room_patch);
HANDLER(room_remove);
HANDLER(term_create);
HANDLER(term_index);
HANDLER(term_show);
HANDLER(term_patch);
HANDLER(term_remove);
HANDLER(holiday_create);
HANDLER(holiday_index);
HANDLER(holiday_show);
HANDLER(holiday_patch);
HANDLER(holiday_remove);
HANDLER(api_client_create);
HANDLER(api_client_index);
HANDLER(api_client_show);
HANDLER(api_client_patch);
HANDLER(api_client_renew);
HANDLER(api_client_remove);
HANDLER(session_camera_index);
HANDLER(session_camera_put);
HANDLER(session_camera_delete);
HANDLER(setting_index);
HANDLER(setting_show);
HANDLER(setting_patch);
HANDLER(timetable_create);
HANDLER(timetable_of_course);
HANDLER(timetable_show);
HANDLER(timetable_patch);
HANDLER(timetable_remove);
HANDLER(timetable_index);
HANDLER(timetable_run);
HANDLER(camera_patch);
HANDLER(calendar_import);
#undef HANDLER
