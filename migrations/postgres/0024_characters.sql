-- Texts of people are counted in characters, as the API's schemas count them: a name of 200 emoji is
-- as good as one of 200 letters.

ALTER TABLE "user"
    DROP CONSTRAINT user_login_length,
    ADD CONSTRAINT user_login_length CHECK (length(login) BETWEEN 1 AND 64),
    DROP CONSTRAINT user_name_length,
    ADD CONSTRAINT user_name_length CHECK (length(name) <= 200);

ALTER TABLE student
    DROP CONSTRAINT student_external_id_length,
    ADD CONSTRAINT student_external_id_length CHECK (length(external_id) BETWEEN 1 AND 64),
    DROP CONSTRAINT student_name_length,
    ADD CONSTRAINT student_name_length CHECK (length(name) BETWEEN 1 AND 200),
    DROP CONSTRAINT student_email_length,
    ADD CONSTRAINT student_email_length CHECK (length(email) <= 254);

ALTER TABLE course
    DROP CONSTRAINT course_code_length,
    ADD CONSTRAINT course_code_length CHECK (length(code) BETWEEN 1 AND 64),
    DROP CONSTRAINT course_title_length,
    ADD CONSTRAINT course_title_length CHECK (length(title) BETWEEN 1 AND 200),
    DROP CONSTRAINT course_term_length,
    ADD CONSTRAINT course_term_length CHECK (length(term) <= 64);

ALTER TABLE camera
    DROP CONSTRAINT camera_name_length,
    ADD CONSTRAINT camera_name_length CHECK (length(name) BETWEEN 1 AND 100),
    DROP CONSTRAINT camera_room_length,
    ADD CONSTRAINT camera_room_length CHECK (length(room) <= 100);

ALTER TABLE consent
    DROP CONSTRAINT consent_text_version_length,
    ADD CONSTRAINT consent_text_version_length CHECK (length(text_version) BETWEEN 1 AND 64);

ALTER TABLE session
    DROP CONSTRAINT session_title_length,
    ADD CONSTRAINT session_title_length CHECK (length(title) <= 200),
    DROP CONSTRAINT session_cancel_reason,
    ADD CONSTRAINT session_cancel_reason CHECK (length(cancel_reason) <= 500);

ALTER TABLE institution
    DROP CONSTRAINT institution_name_length,
    ADD CONSTRAINT institution_name_length CHECK (length(name) <= 200);

ALTER TABLE site
    DROP CONSTRAINT site_name_length,
    ADD CONSTRAINT site_name_length CHECK (length(name) BETWEEN 1 AND 100);

ALTER TABLE room
    DROP CONSTRAINT room_name_length,
    ADD CONSTRAINT room_name_length CHECK (length(name) BETWEEN 1 AND 100);

ALTER TABLE term
    DROP CONSTRAINT term_name_length,
    ADD CONSTRAINT term_name_length CHECK (length(name) BETWEEN 1 AND 64);

ALTER TABLE holiday
    DROP CONSTRAINT holiday_name_length,
    ADD CONSTRAINT holiday_name_length CHECK (length(name) BETWEEN 1 AND 100);

ALTER TABLE api_client
    DROP CONSTRAINT api_client_name_length,
    ADD CONSTRAINT api_client_name_length CHECK (length(name) BETWEEN 1 AND 100);

ALTER TABLE external_ref
    DROP CONSTRAINT external_ref_system_length,
    ADD CONSTRAINT external_ref_system_length CHECK (length(system) BETWEEN 1 AND 100),
    DROP CONSTRAINT external_ref_external_length,
    ADD CONSTRAINT external_ref_external_length CHECK (length(external) BETWEEN 1 AND 255);

ALTER TABLE timetable
    DROP CONSTRAINT timetable_title_length,
    ADD CONSTRAINT timetable_title_length CHECK (length(title) <= 200);

ALTER TABLE calendar_sitting
    DROP CONSTRAINT calendar_sitting_uid_length,
    ADD CONSTRAINT calendar_sitting_uid_length CHECK (length(uid) BETWEEN 1 AND 255);
