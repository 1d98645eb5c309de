-- Who teaches what, which user is which student, and what keeps a user from signing in.

CREATE TABLE course_instructor (
    course_id TEXT NOT NULL REFERENCES course (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (course_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX course_instructor_user ON course_instructor (user_id, course_id);

-- The account goes with the student.
ALTER TABLE "user" ADD COLUMN student_id TEXT REFERENCES student (id) ON DELETE CASCADE
    CONSTRAINT user_student_role CHECK (student_id IS NULL OR role = 'student');
CREATE UNIQUE INDEX user_student ON "user" (student_id) WHERE student_id IS NOT NULL;

-- locked_until: no sign-in by password before; tries: wrong ones since the last right one.
ALTER TABLE "user" ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0
    CONSTRAINT user_disabled CHECK (disabled IN (0, 1));
ALTER TABLE "user" ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "user" ADD COLUMN locked_until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "user" ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE "user" ADD COLUMN updated_at INTEGER NOT NULL DEFAULT 0;
UPDATE "user" SET updated_at = created_at;
