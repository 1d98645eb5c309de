-- Whole tables for imports.

-- name: bulk_students :stream
SELECT id, external_id, name, email, status, version FROM student WHERE erased_at = 0;

-- name: bulk_courses :many
SELECT id, code, title, term, confirmations, late_after_min, early_before_min, minutes_needed,
    sweeps, sweeps_needed, version
FROM course;

-- name: bulk_roster :many
SELECT id, student_id, valid_from, valid_to FROM roster_entry
WHERE course_id = $1 ORDER BY valid_from, id;

-- name: bulk_roster_insert :exec
INSERT INTO roster_entry (id, course_id, student_id, valid_from, valid_to)
VALUES ($1, $2, $3, $4, $5);

-- Six at a time: a sixth of the ways to a server and back. A query has 32 parameters at most.
-- name: bulk_roster_insert_six :exec
INSERT INTO roster_entry (id, course_id, student_id, valid_from, valid_to)
VALUES
    ($1, $2, $3, $4, $5),
    ($6, $7, $8, $9, $10),
    ($11, $12, $13, $14, $15),
    ($16, $17, $18, $19, $20),
    ($21, $22, $23, $24, $25),
    ($26, $27, $28, $29, $30);

-- $2 is the end it had, 0 none; $3 the one it gets.
-- name: bulk_roster_end :exec
UPDATE roster_entry SET valid_to = $3
WHERE id = $1 AND COALESCE(valid_to, 0) = CAST($2 AS bigint);

-- name: bulk_roster_bump :one
UPDATE course SET roster_version = roster_version + 1 WHERE id = $1 RETURNING roster_version;
