/* The mark_changed of a mark, whoever changed it: see jobs.h. Any thread. */
#include "attendance/event.h"
#include "jobs/jobs.h"

enum { TOPIC = 64 };

enum err jobs_mark_event(void *ctx, struct arena *a, const struct mark *m,
                         struct outbox_event *ret_event, struct error *e)
{
    struct event_mark_changed event = {
        .type = STR("mark_changed"),
        .student = {.external_id = m->student_external_id, .name = m->student_name},
        .status = m->status,
        .source = m->source,
        .first_seen = m->first_seen,
        .disputed = m->disputed_at != 0};
    char topic[TOPIC];
    (void)ctx;
    memcpy(event.session, m->session.text, ID_TEXT);
    memcpy(event.student.id, m->student.text, ID_TEXT);
    memcpy(event.frame, m->frame.text, ID_TEXT);
    event_topic(m->session, topic);
    ret_event->topic = arena_copy(a, str_from(topic));
    if (!ret_event->topic.p)
        return error_set(e, ERR_NOMEM, "no memory for an event");
    return event_pack(a, EVENT_MARK_CHANGED, m->student.text, &event_mark_changed_schema, &event,
                      &ret_event->payload, e);
}
