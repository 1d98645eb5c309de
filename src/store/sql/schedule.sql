-- Periodic jobs, and what is due for them.

-- A job that is known keeps its place; a shorter period takes effect at once.
-- name: schedule_add :exec
INSERT INTO schedule (job, period, next_run) VALUES ($1, $2, $3)
ON CONFLICT (job) DO UPDATE
SET period = excluded.period,
    next_run = CASE WHEN schedule.next_run > excluded.next_run + excluded.period
        THEN excluded.next_run + excluded.period ELSE schedule.next_run END;

-- Due, or left behind by a process that died.
-- name: schedule_due :many
SELECT job FROM schedule
WHERE lease_until <= $1 AND (next_run <= $1 OR holder <> '') ORDER BY next_run, job;

-- name: schedule_claim :exec
UPDATE schedule SET holder = $2, lease_until = $4, next_run = CAST($3 AS bigint) + period
WHERE job = $1 AND lease_until <= CAST($3 AS bigint)
    AND (next_run <= CAST($3 AS bigint) OR holder <> '');

-- $7: there is more to do, go on at once.
-- name: schedule_done :exec
UPDATE schedule
SET last_run = CAST($3 AS bigint), last_duration = $4, last_error = CAST($5 AS text), last_did = $6,
    holder = '', lease_until = 0, runs = runs + 1,
    failures = CASE WHEN CAST($5 AS text) = '' THEN 0 ELSE failures + 1 END,
    next_run = CASE WHEN CAST($7 AS bigint) = 1 THEN CAST($3 AS bigint) ELSE next_run END
WHERE job = $1 AND holder = $2;

-- name: schedule_now :exec
UPDATE schedule SET next_run = $2 WHERE job = $1;

-- name: schedule_release :exec
UPDATE schedule SET lease_until = 0 WHERE holder <> '';

-- name: schedule_list :many
SELECT job, period, last_run, last_duration, last_error, last_did, next_run, lease_until, holder,
    runs, failures
FROM schedule ORDER BY job;

-- name: due_to_start :many
SELECT id, planned_start, planned_end FROM session
WHERE status = 'scheduled' AND planned_start > 0 AND planned_start <= $1 AND planned_end > $1
ORDER BY planned_start, id LIMIT $2;

-- Whoever starts a session by hand after its planned end wants it to run.
-- name: due_to_stop :many
SELECT id, planned_start, planned_end FROM session
WHERE status = 'active' AND planned_start > 0 AND planned_end > 0 AND planned_end <= $1
    AND started_at < planned_end
ORDER BY planned_end, id LIMIT $2;

-- Closed after $1, with somebody on the roster at the end who has no mark.
-- name: due_absences :many
SELECT s.id, s.planned_start, s.planned_end FROM session s
WHERE s.status = 'closed' AND s.ended_at > $1 AND EXISTS (
    SELECT 1 FROM roster_entry r
    WHERE r.course_id = s.course_id AND r.valid_from <= s.ended_at
        AND (r.valid_to IS NULL OR r.valid_to > s.ended_at)
        AND NOT EXISTS (SELECT 1 FROM mark m
            WHERE m.session_id = s.id AND m.student_id = r.student_id))
ORDER BY s.ended_at, s.id LIMIT $2;

-- Their photos' verdicts go with them.
-- name: job_purge :exec
DELETE FROM job WHERE id IN (
    SELECT id FROM job WHERE state IN ('done', 'failed') AND updated_at < $1 ORDER BY id LIMIT $2);

-- name: sighting_halve :exec
UPDATE sighting_count SET sightings = sightings / 2;

-- name: sighting_drop_empty :exec
DELETE FROM sighting_count WHERE sightings <= 0;

-- One of many callers gets it, once the setting is older than $3.
-- name: setting_claim :exec
UPDATE setting SET updated_at = $2 WHERE name = $1 AND updated_at <= $3;
