-- Periodic jobs: when each ran last and runs next, and which process is at it now.

CREATE TABLE schedule (
    job text COLLATE "C" NOT NULL PRIMARY KEY,
    period bigint NOT NULL,
    last_run bigint NOT NULL DEFAULT 0,
    last_duration bigint NOT NULL DEFAULT 0,
    last_error text NOT NULL DEFAULT '',
    last_did bigint NOT NULL DEFAULT 0,
    next_run bigint NOT NULL,
    lease_until bigint NOT NULL DEFAULT 0,
    holder text NOT NULL DEFAULT '',
    runs bigint NOT NULL DEFAULT 0,
    failures bigint NOT NULL DEFAULT 0,
    CONSTRAINT schedule_job_length CHECK (length(job) BETWEEN 1 AND 64),
    CONSTRAINT schedule_period CHECK (period > 0)
);

-- Which planned sessions are due, and which ended lately.
CREATE INDEX session_planned ON session (status, planned_start);
CREATE INDEX session_ended ON session (status, ended_at);
