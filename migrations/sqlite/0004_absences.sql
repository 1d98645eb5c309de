-- Marks that nobody saw: the absences written when a session closes have the source `rule`.

-- A CHECK cannot be changed in place. Nothing refers to this table.
CREATE TABLE mark_with_rule (
    session_id TEXT NOT NULL REFERENCES session (id),
    student_id TEXT NOT NULL REFERENCES student (id),
    frame TEXT NOT NULL,
    status TEXT NOT NULL,
    source TEXT NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    receipt TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (session_id, student_id),
    CONSTRAINT mark_frame CHECK (length(frame) IN (0, 36)),
    CONSTRAINT mark_status CHECK (status IN
        ('present', 'late', 'left-early', 'absent', 'excused')),
    CONSTRAINT mark_source CHECK (source IN ('face', 'code', 'manual', 'import', 'rule')),
    CONSTRAINT mark_receipt CHECK (receipt = '' OR json_valid(receipt))
) STRICT, WITHOUT ROWID;
INSERT INTO mark_with_rule (session_id, student_id, frame, status, source, first_seen, last_seen,
    receipt, created_at)
SELECT session_id, student_id, frame, status, source, first_seen, last_seen, receipt, created_at
FROM mark;
DROP TABLE mark;
ALTER TABLE mark_with_rule RENAME TO mark;
CREATE INDEX mark_student ON mark (student_id);
