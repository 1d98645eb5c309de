-- Erasures: the signed receipt of each, and students of whom only marks are left.

CREATE TABLE erasure (
    id TEXT NOT NULL PRIMARY KEY,
    student_id TEXT NOT NULL,
    scope TEXT NOT NULL,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL,
    statement TEXT NOT NULL,
    signature TEXT NOT NULL,
    public_key TEXT NOT NULL,
    CONSTRAINT erasure_id CHECK (length(id) = 36),
    CONSTRAINT erasure_scope CHECK (scope IN ('face', 'student'))
) STRICT;
CREATE INDEX erasure_student ON erasure (student_id, id);

-- 0: not. Name, number and address are gone; marks and register stay.
ALTER TABLE student ADD COLUMN erased_at INTEGER NOT NULL DEFAULT 0;
