-- Enrolment photos that are kept for a while, where the student agreed (consent to photos). Sealed
-- under the student's key `face`, bound to the job that brought them.
CREATE TABLE kept_photo (
    id TEXT NOT NULL PRIMARY KEY,
    student_id TEXT NOT NULL REFERENCES student (id) ON DELETE CASCADE,
    job_id TEXT NOT NULL,
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    kept_until INTEGER NOT NULL,
    CONSTRAINT kept_photo_id CHECK (length(id) = 36),
    CONSTRAINT kept_photo_sealed CHECK (length(sealed) > 0),
    CONSTRAINT kept_photo_until CHECK (kept_until > created_at)
) STRICT;
CREATE INDEX kept_photo_student ON kept_photo (student_id, id);
CREATE INDEX kept_photo_expiry ON kept_photo (kept_until);
