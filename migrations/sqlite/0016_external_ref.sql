-- How other systems name our students and courses, so that the same one is found when its number or
-- code changes there. It goes with what it names.
CREATE TABLE external_ref (
    system TEXT NOT NULL,
    kind TEXT NOT NULL,
    external TEXT NOT NULL,
    student_id TEXT REFERENCES student (id) ON DELETE CASCADE,
    course_id TEXT REFERENCES course (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (system, kind, external),
    CONSTRAINT external_ref_names CHECK
        ((kind = 'student' AND student_id IS NOT NULL AND course_id IS NULL)
        OR (kind = 'course' AND course_id IS NOT NULL AND student_id IS NULL)),
    CONSTRAINT external_ref_system_length CHECK (length(CAST(system AS BLOB)) BETWEEN 1 AND 100),
    CONSTRAINT external_ref_external_length CHECK (length(CAST(external AS BLOB)) BETWEEN 1 AND 255)
) STRICT;
CREATE INDEX external_ref_student ON external_ref (student_id);
CREATE INDEX external_ref_course ON external_ref (course_id);
