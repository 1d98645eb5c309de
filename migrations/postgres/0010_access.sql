-- Who teaches what, which user is which student, and what keeps a user from signing in.

CREATE TABLE course_instructor (
    course_id text COLLATE "C" NOT NULL REFERENCES course (id) ON DELETE CASCADE,
    user_id text COLLATE "C" NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
    created_at bigint NOT NULL,
    PRIMARY KEY (course_id, user_id)
);
CREATE INDEX course_instructor_user ON course_instructor (user_id, course_id);

-- The account goes with the student.
ALTER TABLE "user" ADD COLUMN student_id text COLLATE "C" REFERENCES student (id) ON DELETE CASCADE
    CONSTRAINT user_student_role CHECK (student_id IS NULL OR role = 'student');
CREATE UNIQUE INDEX user_student ON "user" (student_id) WHERE student_id IS NOT NULL;

-- locked_until: no sign-in by password before; tries: wrong ones since the last right one.
ALTER TABLE "user" ADD COLUMN disabled bigint NOT NULL DEFAULT 0
    CONSTRAINT user_disabled CHECK (disabled IN (0, 1));
ALTER TABLE "user" ADD COLUMN tries bigint NOT NULL DEFAULT 0;
ALTER TABLE "user" ADD COLUMN locked_until bigint NOT NULL DEFAULT 0;
ALTER TABLE "user" ADD COLUMN version bigint NOT NULL DEFAULT 1;
ALTER TABLE "user" ADD COLUMN updated_at bigint NOT NULL DEFAULT 0;
UPDATE "user" SET updated_at = created_at;
