-- Which minutes of a session a student was seen in, the rules that follow from them, and sessions
-- that are cancelled.

-- minute: whole minutes since the session's start, from 0.
CREATE TABLE presence (
    session_id text COLLATE "C" NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    student_id text COLLATE "C" NOT NULL REFERENCES student (id) ON DELETE CASCADE,
    minute bigint NOT NULL,
    sightings bigint NOT NULL,
    best_score double precision NOT NULL,
    PRIMARY KEY (session_id, student_id, minute),
    CONSTRAINT presence_minute CHECK (minute >= 0),
    CONSTRAINT presence_sightings CHECK (sightings > 0)
);
CREATE INDEX presence_student ON presence (student_id);

ALTER TABLE course ADD COLUMN early_before_min bigint NOT NULL DEFAULT 0
    CONSTRAINT course_early_before CHECK (early_before_min >= 0);
ALTER TABLE course ADD COLUMN minutes_needed bigint NOT NULL DEFAULT 0
    CONSTRAINT course_minutes CHECK (minutes_needed >= 0);
ALTER TABLE course ADD COLUMN sweeps bigint NOT NULL DEFAULT 0
    CONSTRAINT course_sweeps CHECK (sweeps >= 0);
ALTER TABLE course ADD COLUMN sweeps_needed bigint NOT NULL DEFAULT 0
    CONSTRAINT course_sweeps_needed CHECK (sweeps_needed BETWEEN 0 AND sweeps);

ALTER TABLE session ADD COLUMN early_before_min bigint NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN minutes_needed bigint NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN sweeps bigint NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN sweeps_needed bigint NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN cancel_reason text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE session DROP CONSTRAINT session_status;
ALTER TABLE session ADD CONSTRAINT session_status
    CHECK (status IN ('scheduled', 'active', 'closed', 'cancelled'));
ALTER TABLE session ADD CONSTRAINT session_rules CHECK (early_before_min >= 0
    AND minutes_needed >= 0 AND sweeps_needed BETWEEN 0 AND sweeps);
ALTER TABLE session ADD CONSTRAINT session_cancel_reason CHECK (octet_length(cancel_reason) <= 500);
