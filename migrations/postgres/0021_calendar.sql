-- Sessions that came from a calendar file: which event (UID) and which of its sittings became which
-- session, and the version it had when the import wrote it last; as timetable_day.

CREATE TABLE calendar_sitting (
    uid text COLLATE "C" NOT NULL,
    slot text COLLATE "C" NOT NULL,
    session_id text COLLATE "C" REFERENCES session (id) ON DELETE SET NULL,
    made_version bigint NOT NULL,
    PRIMARY KEY (uid, slot),
    CONSTRAINT calendar_sitting_uid_length CHECK (octet_length(uid) BETWEEN 1 AND 255),
    CONSTRAINT calendar_sitting_slot_length CHECK (octet_length(slot) = 16)
);
CREATE INDEX calendar_sitting_session ON calendar_sitting (session_id)
    WHERE session_id IS NOT NULL;
