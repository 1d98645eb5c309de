-- Periodic jobs: when each ran last and runs next, and which process is at it now.

CREATE TABLE schedule (
    job TEXT NOT NULL PRIMARY KEY,
    period INTEGER NOT NULL,
    last_run INTEGER NOT NULL DEFAULT 0,
    last_duration INTEGER NOT NULL DEFAULT 0,
    last_error TEXT NOT NULL DEFAULT '',
    last_did INTEGER NOT NULL DEFAULT 0,
    next_run INTEGER NOT NULL,
    lease_until INTEGER NOT NULL DEFAULT 0,
    holder TEXT NOT NULL DEFAULT '',
    runs INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT schedule_job_length CHECK (length(job) BETWEEN 1 AND 64),
    CONSTRAINT schedule_period CHECK (period > 0)
) STRICT;

-- Which planned sessions are due, and which ended lately.
CREATE INDEX session_planned ON session (status, planned_start);
CREATE INDEX session_ended ON session (status, ended_at);
