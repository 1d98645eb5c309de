/* Events: see event.h. Tables and string assembly; called by workers (pack) and API (unpack). */
#include "attendance/event.h"

#include <assert.h>
#include <stdio.h>

static const struct field student_fields[] = {
    FIELD_ID(struct event_student, id, FIELD_REQUIRED, "The student's id."),
    FIELD_STR(struct event_student, external_id, 0, 64, 0, "The institution's number."),
    FIELD_STR(struct event_student, name, 0, 200, 0, "The student's name."),
};
const struct schema event_student_schema =
    SCHEMA("EventStudent", struct event_student, student_fields);

static const struct field mark_fields[] = {
    FIELD_STR(struct event_mark, status, 0, 32, FIELD_REQUIRED, "present, late ..."),
    FIELD_TIME(struct event_mark, first_seen, FIELD_NULLABLE,
               "When the student was first seen; null: never, a person marked."),
};
const struct schema event_mark_schema = SCHEMA("EventMark", struct event_mark, mark_fields);

static const struct field face_fields[] = {
    FIELD_FLOATS(struct event_face, box, 4, FIELD_REQUIRED,
                 "x, y, width, height in pixels of the frame sent."),
    FIELD_POINTS(struct event_face, landmarks, 5, FIELD_REQUIRED,
                 "Eye left, eye right, nose, mouth left, mouth right, as in the picture."),
    FIELD_REAL(struct event_face, score, 0, 1, FIELD_REQUIRED, "The detector's confidence."),
    FIELD_REAL(struct event_face, quality, 0, 1, FIELD_REQUIRED, "1 is best."),
    FIELD_REAL(
        struct event_face, liveness, 0, 1, FIELD_NULLABLE,
        "1 looks alive; with a name the mean over the student's sightings of the last seconds "
        "before this camera; null: not measured."),
    FIELD_STR(struct event_face, flaw, 0, 32, FIELD_NULLABLE, "Why the face was not compared."),
    FIELD_STR(struct event_face, status, 0, 32, FIELD_REQUIRED,
              "present, already_present, confirming, not_enrolled, unknown, spoof, low_quality."),
    FIELD_POINTER(struct event_face, student, &event_student_schema, "Who it is, when known."),
    FIELD_REAL(struct event_face, similarity, -1, 1, FIELD_NULLABLE,
               "How near the face is to the student it is, or to the best of the gallery."),
    FIELD_REAL(struct event_face, threshold, 0, 1, FIELD_NULLABLE, "The similarity needed."),
    FIELD_STR(
        struct event_face, score_kind, 0, 32, FIELD_NULLABLE,
        "What both are: cosine, or hub (the cosine less how near the student's template is to "
        "everybody)."),
    FIELD_POINTER(struct event_face, mark, &event_mark_schema,
                  "The student's mark, when there is one."),
};
const struct schema event_face_schema = SCHEMA("EventFace", struct event_face, face_fields);

#define MS(member, text) FIELD_REAL(struct event_timing, member, 0, 1e9, FIELD_REQUIRED, text)
static const struct field timing_fields[] = {
    MS(decode, "Decoding the picture."), MS(detect, "Finding faces."),
    MS(align, "Cropping faces."),        MS(embed, "Running the encoder."),
    MS(liveness, "Judging liveness."),   MS(match, "Searching the gallery."),
    MS(mark, "Writing marks."),          MS(total, "From claim to publish."),
};
const struct schema event_timing_schema = SCHEMA("EventTiming", struct event_timing, timing_fields);

static const struct field challenge_fields[] = {
    FIELD_ID(struct event_challenge, challenge, FIELD_REQUIRED, "The challenge's id."),
    FIELD_STR(struct event_challenge, state, 0, 32, FIELD_REQUIRED, "running, passed or failed."),
    FIELD_STR(struct event_challenge, step, 0, 32, FIELD_NULLABLE,
              "What to show now: look_straight, turn_left, turn_right or blink; null: it is over. "
              "Left and right are the person's own."),
    FIELD_STR(struct event_challenge, prompt, 0, 200, FIELD_REQUIRED,
              "A sentence for the person: what to do, or how it ended."),
    FIELD_INT(struct event_challenge, done, 0, 100, FIELD_REQUIRED, "Steps seen so far."),
    FIELD_INT(struct event_challenge, steps, 0, 100, FIELD_REQUIRED, "Steps in all."),
    FIELD_TIME(struct event_challenge, deadline, FIELD_REQUIRED,
               "Until when the step has to be seen, by the server's clock."),
    FIELD_TIME(struct event_challenge, expires_at, FIELD_REQUIRED, "The end of the challenge."),
    FIELD_STR(struct event_challenge, reason, 0, 32, FIELD_NULLABLE,
              "Why it failed: too_early, wrong_move, too_slow, eyes_unclear, other_person, "
              "many_faces or expired."),
};
const struct schema event_challenge_schema =
    SCHEMA("Challenge", struct event_challenge, challenge_fields);

#define TYPE(s) FIELD_STR(s, type, 0, 32, FIELD_REQUIRED, "The kind of event.")
#define SESSION(s) FIELD_ID(s, session, FIELD_REQUIRED, "The session.")

static const struct field frame_result_fields[] = {
    TYPE(struct event_frame_result),
    SESSION(struct event_frame_result),
    FIELD_ID(struct event_frame_result, camera, FIELD_NULLABLE, "The camera that sent it."),
    FIELD_ID(struct event_frame_result, frame, FIELD_REQUIRED, "The frame."),
    FIELD_TIME(struct event_frame_result, captured_at, FIELD_REQUIRED, "When it was taken."),
    FIELD_TIME(struct event_frame_result, processed_at, FIELD_REQUIRED, "When it was decided."),
    FIELD_INT(struct event_frame_result, width, 0, 100000, FIELD_REQUIRED, "Pixels, upright."),
    FIELD_INT(struct event_frame_result, height, 0, 100000, FIELD_REQUIRED, "Pixels, upright."),
    FIELD_LIST(struct event_frame_result, faces, n_faces, &event_face_schema, 1000, FIELD_REQUIRED,
               "Every face found, the biggest first."),
    FIELD_INT(struct event_frame_result, faces_left_out, 0, 1e6, FIELD_REQUIRED,
              "Faces found and marked that one event has no room for; 0 but for class photos."),
    FIELD_POINTER(struct event_frame_result, challenge, &event_challenge_schema,
                  "Where the liveness challenge of the frame stands; null: it belongs to none."),
    FIELD_OBJECT(struct event_frame_result, timing_ms, &event_timing_schema, FIELD_REQUIRED,
                 "Milliseconds per stage."),
};
const struct schema event_frame_result_schema =
    SCHEMA("FrameResult", struct event_frame_result, frame_result_fields);

static const struct field mark_changed_fields[] = {
    TYPE(struct event_mark_changed),
    SESSION(struct event_mark_changed),
    FIELD_OBJECT(struct event_mark_changed, student, &event_student_schema, FIELD_REQUIRED,
                 "Whose."),
    FIELD_STR(struct event_mark_changed, status, 0, 32, FIELD_REQUIRED, "present, late ..."),
    FIELD_STR(struct event_mark_changed, source, 0, 32, FIELD_REQUIRED,
              "face, code, manual, import, or rule: absent at the end."),
    FIELD_TIME(struct event_mark_changed, first_seen, FIELD_NULLABLE,
               "When first seen; null: never."),
    FIELD_ID(struct event_mark_changed, frame, FIELD_NULLABLE, "The frame that made the mark."),
    FIELD_BOOL(struct event_mark_changed, disputed, FIELD_REQUIRED, "Somebody contests it."),
};
const struct schema event_mark_changed_schema =
    SCHEMA("MarkChanged", struct event_mark_changed, mark_changed_fields);

static const struct field session_changed_fields[] = {
    TYPE(struct event_session_changed),
    SESSION(struct event_session_changed),
    FIELD_STR(struct event_session_changed, status, 0, 32, FIELD_REQUIRED,
              "scheduled, active, closed or cancelled."),
};
const struct schema event_session_changed_schema =
    SCHEMA("SessionChanged", struct event_session_changed, session_changed_fields);

static const struct field frame_dropped_fields[] = {
    TYPE(struct event_frame_dropped),
    SESSION(struct event_frame_dropped),
    FIELD_ID(struct event_frame_dropped, frame, FIELD_REQUIRED, "The frame."),
    FIELD_STR(struct event_frame_dropped, reason, 0, 32, FIELD_REQUIRED,
              "too_old, share, unreadable, session_closed or failed."),
    FIELD_STR(struct event_frame_dropped, detail, 0, 256, 0, "A sentence for people."),
};
const struct schema event_frame_dropped_schema =
    SCHEMA("FrameDropped", struct event_frame_dropped, frame_dropped_fields);

static const struct field lag_fields[] = {
    TYPE(struct event_lag),
    SESSION(struct event_lag),
    FIELD_INT(struct event_lag, lost, 0, 1e15, FIELD_REQUIRED, "Messages lost; 0 when not known."),
    FIELD_STR(struct event_lag, reason, 0, 32, FIELD_REQUIRED, "slow, restart or too_old."),
};
const struct schema event_lag_schema = SCHEMA("Lag", struct event_lag, lag_fields);

const struct schema *const event_schemas[] = {
    &event_student_schema,         &event_mark_schema,          &event_face_schema,
    &event_timing_schema,          &event_frame_result_schema,  &event_mark_changed_schema,
    &event_session_changed_schema, &event_frame_dropped_schema, &event_lag_schema,
    &event_challenge_schema,
};
const int event_schemas_n = ARRAY_LEN(event_schemas);

enum { ENVELOPE_HEAD = 1 + ID_TEXT - 1 };

enum err event_pack_json(struct arena *a, enum event_kind kind, const char *about, struct str json,
                         struct str *ret_envelope, struct error *e)
{
    char *text = arena_alloc(a, ENVELOPE_HEAD + json.n + 1);
    if (!text)
        return error_set(e, ERR_NOMEM, "no memory for an event of %zu bytes", json.n);
    snprintf(text, ENVELOPE_HEAD + 1, "%c%-36.36s", (char)kind, about);
    memcpy(text + ENVELOPE_HEAD, json.p, json.n);
    *ret_envelope = (struct str){text, ENVELOPE_HEAD + json.n};
    return ERR_OK;
}

enum err event_pack(struct arena *a, enum event_kind kind, const char *about,
                    const struct schema *s, const void *event, struct str *ret_envelope,
                    struct error *e)
{
    struct str json;
    enum err r = schema_print(s, event, a, &json, e);
    return r ? r : event_pack_json(a, kind, about, json, ret_envelope, e);
}

/* Drops the last faces until `keep` are left: those without a student first. */
static void drop_faces(struct event_frame_result *r, int keep)
{
    int surplus = r->n_faces - keep;
    for (int named = 0; named < 2; named++) {
        for (int i = r->n_faces - 1; i >= 0 && surplus > 0; i--) {
            if ((r->faces[i].student != NULL) != (named == 1))
                continue;
            memmove(&r->faces[i], &r->faces[i + 1],
                    (size_t)(r->n_faces - i - 1) * sizeof *r->faces);
            r->n_faces--;
            r->faces_left_out++;
            surplus--;
        }
    }
}

enum err event_pack_result(struct arena *a, const char *frame, struct event_frame_result *r,
                           size_t max_bytes, struct str *ret_envelope, struct error *e)
{
    for (;;) {
        struct str packed;
        enum err err =
            event_pack(a, EVENT_FRAME_RESULT, frame, &event_frame_result_schema, r, &packed, e);
        if (err || packed.n <= max_bytes || r->n_faces == 0) {
            if (!err)
                *ret_envelope = packed;
            return err;
        }
        int keep = (int)((double)r->n_faces * (double)max_bytes / (double)packed.n);
        assert(keep < r->n_faces); /* packed.n is above max_bytes */
        drop_faces(r, keep);
    }
}

enum err event_unpack(struct str envelope, struct event_view *ret_view, struct error *e)
{
    if (envelope.n < ENVELOPE_HEAD + 2 || envelope.p[ENVELOPE_HEAD] != '{' || !envelope.p[0] ||
        !strchr("RDMSL", envelope.p[0]))
        return error_set(e, ERR_CORRUPT, "an event of %zu bytes is not an envelope", envelope.n);
    ret_view->kind = (enum event_kind)envelope.p[0];
    memcpy(ret_view->about, envelope.p + 1, ID_TEXT - 1);
    ret_view->about[envelope.p[1] == ' ' ? 0 : ID_TEXT - 1] = 0;
    ret_view->json = (struct str){envelope.p + ENVELOPE_HEAD, envelope.n - ENVELOPE_HEAD};
    return ERR_OK;
}

enum err event_json(struct arena *a, int64_t id, struct str json, struct str *ret_text,
                    struct error *e)
{
    char *text =
        id ? arena_printf(a, "{\"id\":%lld,%.*s", (long long)id, (int)json.n - 1, json.p + 1)
           : arena_strdup(a, json);
    if (!text)
        return error_set(e, ERR_NOMEM, "no memory for an event of %zu bytes", json.n);
    *ret_text = str_from(text);
    return ERR_OK;
}

bool event_droppable(enum event_kind kind)
{
    return kind == EVENT_FRAME_RESULT || kind == EVENT_FRAME_DROPPED || kind == EVENT_LAG;
}

void event_topic(struct session_id session, char ret_topic[static 64])
{
    snprintf(ret_topic, 64, "session:%s", session.text);
}

enum err event_pack_session(struct arena *a, struct session_id session, struct str status,
                            struct str *ret_topic, struct str *ret_envelope, struct error *e)
{
    struct event_session_changed event = {.type = STR("session_changed"), .status = status};
    char topic[64];
    memcpy(event.session, session.text, ID_TEXT);
    event_topic(session, topic);
    *ret_topic = arena_copy(a, str_from(topic));
    if (!ret_topic->p)
        return error_set(e, ERR_NOMEM, "no memory for an event");
    return event_pack(a, EVENT_SESSION_CHANGED, session.text, &event_session_changed_schema, &event,
                      ret_envelope, e);
}
