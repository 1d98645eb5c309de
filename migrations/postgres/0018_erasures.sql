-- Erasures: the signed receipt of each, and students of whom only marks are left.

CREATE TABLE erasure (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    student_id text COLLATE "C" NOT NULL,
    scope text COLLATE "C" NOT NULL,
    reason text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    statement text COLLATE "C" NOT NULL,
    signature text COLLATE "C" NOT NULL,
    public_key text COLLATE "C" NOT NULL,
    CONSTRAINT erasure_id CHECK (length(id) = 36),
    CONSTRAINT erasure_scope CHECK (scope IN ('face', 'student'))
);
CREATE INDEX erasure_student ON erasure (student_id, id);

-- 0: not. Name, number and address are gone; marks and register stay.
ALTER TABLE student ADD COLUMN erased_at bigint NOT NULL DEFAULT 0;
