-- Sessions that came from a calendar file: which event (UID) and which of its sittings became which
-- session, and the version it had when the import wrote it last; as timetable_day.

CREATE TABLE calendar_sitting (
    uid TEXT NOT NULL,
    slot TEXT NOT NULL,
    session_id TEXT REFERENCES session (id) ON DELETE SET NULL,
    made_version INTEGER NOT NULL,
    PRIMARY KEY (uid, slot),
    CONSTRAINT calendar_sitting_uid_length CHECK (length(CAST(uid AS BLOB)) BETWEEN 1 AND 255),
    CONSTRAINT calendar_sitting_slot_length CHECK (length(CAST(slot AS BLOB)) = 16)
) STRICT, WITHOUT ROWID;
CREATE INDEX calendar_sitting_session ON calendar_sitting (session_id)
    WHERE session_id IS NOT NULL;
