-- Enrolment photos that are kept for a while, where the student agreed (consent to photos). Sealed
-- under the student's key `face`, bound to the job that brought them.
CREATE TABLE kept_photo (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    student_id text COLLATE "C" NOT NULL REFERENCES student (id) ON DELETE CASCADE,
    job_id text COLLATE "C" NOT NULL,
    sealed bytea NOT NULL,
    created_at bigint NOT NULL,
    kept_until bigint NOT NULL,
    CONSTRAINT kept_photo_id CHECK (length(id) = 36),
    CONSTRAINT kept_photo_sealed CHECK (octet_length(sealed) > 0),
    CONSTRAINT kept_photo_until CHECK (kept_until > created_at)
);
CREATE INDEX kept_photo_student ON kept_photo (student_id, id);
CREATE INDEX kept_photo_expiry ON kept_photo (kept_until);
