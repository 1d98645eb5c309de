-- Which minutes of a session a student was seen in, the rules that follow from them, and sessions
-- that are cancelled.

-- minute: whole minutes since the session's start, from 0.
CREATE TABLE presence (
    session_id TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    student_id TEXT NOT NULL REFERENCES student (id) ON DELETE CASCADE,
    minute INTEGER NOT NULL,
    sightings INTEGER NOT NULL,
    best_score REAL NOT NULL,
    PRIMARY KEY (session_id, student_id, minute),
    CONSTRAINT presence_minute CHECK (minute >= 0),
    CONSTRAINT presence_sightings CHECK (sightings > 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX presence_student ON presence (student_id);

ALTER TABLE course ADD COLUMN early_before_min INTEGER NOT NULL DEFAULT 0
    CONSTRAINT course_early_before CHECK (early_before_min >= 0);
ALTER TABLE course ADD COLUMN minutes_needed INTEGER NOT NULL DEFAULT 0
    CONSTRAINT course_minutes CHECK (minutes_needed >= 0);
ALTER TABLE course ADD COLUMN sweeps INTEGER NOT NULL DEFAULT 0
    CONSTRAINT course_sweeps CHECK (sweeps >= 0);
ALTER TABLE course ADD COLUMN sweeps_needed INTEGER NOT NULL DEFAULT 0
    CONSTRAINT course_sweeps_needed CHECK (sweeps_needed BETWEEN 0 AND sweeps);

-- A CHECK cannot be changed in place: the table is made anew under its name, and what refers to it
-- is asked about at the commit, when the rows are back.
PRAGMA defer_foreign_keys = ON;
CREATE TABLE session_kept AS SELECT * FROM session;
DROP TABLE session;
CREATE TABLE session (
    id TEXT NOT NULL PRIMARY KEY,
    course_id TEXT NOT NULL REFERENCES course (id),
    title TEXT NOT NULL,
    planned_start INTEGER NOT NULL,
    planned_end INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    status TEXT NOT NULL,
    confirmations INTEGER NOT NULL,
    confirm_gap_ms INTEGER NOT NULL,
    confirm_window_s INTEGER NOT NULL,
    late_after_min INTEGER NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    early_before_min INTEGER NOT NULL DEFAULT 0,
    minutes_needed INTEGER NOT NULL DEFAULT 0,
    sweeps INTEGER NOT NULL DEFAULT 0,
    sweeps_needed INTEGER NOT NULL DEFAULT 0,
    cancel_reason TEXT NOT NULL DEFAULT '',
    CONSTRAINT session_id CHECK (length(id) = 36),
    CONSTRAINT session_title_length CHECK (length(CAST(title AS BLOB)) <= 200),
    CONSTRAINT session_status CHECK (status IN ('scheduled', 'active', 'closed', 'cancelled')),
    CONSTRAINT session_policy CHECK (confirmations >= 0 AND confirm_gap_ms >= 0
        AND confirm_window_s >= 0 AND late_after_min >= 0),
    CONSTRAINT session_rules CHECK (early_before_min >= 0 AND minutes_needed >= 0
        AND sweeps_needed BETWEEN 0 AND sweeps),
    CONSTRAINT session_cancel_reason CHECK (length(CAST(cancel_reason AS BLOB)) <= 500)
) STRICT;
INSERT INTO session (id, course_id, title, planned_start, planned_end, started_at, ended_at, status,
    confirmations, confirm_gap_ms, confirm_window_s, late_after_min, version, created_at, updated_at)
SELECT id, course_id, title, planned_start, planned_end, started_at, ended_at, status,
    confirmations, confirm_gap_ms, confirm_window_s, late_after_min, version, created_at, updated_at
FROM session_kept;
DROP TABLE session_kept;
CREATE INDEX session_course ON session (course_id, id);
CREATE INDEX session_by_status ON session (status, id);
CREATE INDEX session_planned ON session (status, planned_start);
CREATE INDEX session_ended ON session (status, ended_at);
