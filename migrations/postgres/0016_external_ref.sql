-- How other systems name our students and courses, so that the same one is found when its number or
-- code changes there. It goes with what it names.
CREATE TABLE external_ref (
    system text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    external text COLLATE "C" NOT NULL,
    student_id text COLLATE "C" REFERENCES student (id) ON DELETE CASCADE,
    course_id text COLLATE "C" REFERENCES course (id) ON DELETE CASCADE,
    created_at bigint NOT NULL,
    PRIMARY KEY (system, kind, external),
    CONSTRAINT external_ref_names CHECK
        ((kind = 'student' AND student_id IS NOT NULL AND course_id IS NULL)
        OR (kind = 'course' AND course_id IS NOT NULL AND student_id IS NULL)),
    CONSTRAINT external_ref_system_length CHECK (octet_length(system) BETWEEN 1 AND 100),
    CONSTRAINT external_ref_external_length CHECK (octet_length(external) BETWEEN 1 AND 255)
);
CREATE INDEX external_ref_student ON external_ref (student_id);
CREATE INDEX external_ref_course ON external_ref (course_id);
