-- Sessions and cameras.

-- name: session_insert :exec
INSERT INTO session (id, course_id, title, planned_start, planned_end, started_at, ended_at,
    status, confirmations, confirm_gap_ms, confirm_window_s, late_after_min, version, created_at,
    updated_at, early_before_min, minutes_needed, sweeps, sweeps_needed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 1, $13, $14, $15, $16, $17, $18);

-- name: session_by_id :one
SELECT s.id, s.course_id, s.title, c.code AS course_code, c.title AS course_title,
    s.planned_start, s.planned_end, s.started_at, s.ended_at, s.status, s.confirmations,
    s.confirm_gap_ms, s.confirm_window_s, s.late_after_min, s.early_before_min, s.minutes_needed,
    s.sweeps, s.sweeps_needed, s.room_id, s.timetable_id, s.cancel_reason,
    s.version, s.created_at, s.updated_at
FROM session s JOIN course c ON c.id = s.course_id
WHERE s.id = $1;

-- name: session_list :many
SELECT s.id, s.course_id, s.title, c.code AS course_code, c.title AS course_title,
    s.planned_start, s.planned_end, s.started_at, s.ended_at, s.status, s.confirmations,
    s.confirm_gap_ms, s.confirm_window_s, s.late_after_min, s.early_before_min, s.minutes_needed,
    s.sweeps, s.sweeps_needed, s.room_id, s.timetable_id, s.cancel_reason,
    s.version, s.created_at, s.updated_at
FROM session s JOIN course c ON c.id = s.course_id
WHERE ($1 = '' OR s.course_id = $1) AND ($2 = '' OR s.status = $2) AND ($3 = '' OR s.id < $3)
    AND (CAST($7 AS bigint) = 0 OR CASE WHEN s.started_at > 0 THEN s.started_at
        WHEN s.planned_start > 0 THEN s.planned_start ELSE s.created_at END >= CAST($7 AS bigint))
    AND (CAST($8 AS bigint) = 0 OR CASE WHEN s.started_at > 0 THEN s.started_at
        WHEN s.planned_start > 0 THEN s.planned_start ELSE s.created_at END < CAST($8 AS bigint))
    AND ($4 = '' OR s.course_id IN (SELECT course_id FROM course_instructor WHERE user_id = $4))
    AND ($5 = '' OR s.course_id IN (SELECT course_id FROM roster_entry WHERE student_id = $5))
    AND ($9 = '' OR s.room_id = $9)
    AND ($10 = '' OR s.room_id IN (SELECT id FROM room WHERE site_id = $10))
ORDER BY s.id DESC LIMIT $6;

-- name: session_update :one
UPDATE session SET title = $2, planned_start = $3, planned_end = $4, updated_at = $5,
    version = version + 1
WHERE id = $1 AND (CAST($6 AS bigint) = 0 OR version = CAST($6 AS bigint))
RETURNING version;

-- name: session_start :exec
UPDATE session SET status = 'active', started_at = $2, updated_at = $3, version = version + 1
WHERE id = $1 AND status = 'scheduled';

-- name: session_stop :exec
UPDATE session SET status = 'closed', ended_at = $2, updated_at = $3, version = version + 1
WHERE id = $1 AND status = 'active';

-- name: session_cancel :exec
UPDATE session SET status = 'cancelled', ended_at = $2, updated_at = $3, cancel_reason = $4,
    version = version + 1
WHERE id = $1 AND status IN ('scheduled', 'active')
    AND NOT EXISTS (SELECT 1 FROM mark WHERE session_id = $1);

-- name: session_mark_count :one
SELECT count(*) AS n FROM mark WHERE session_id = $1;

-- name: session_delete :exec
DELETE FROM session WHERE id = $1;

-- name: camera_insert :exec
INSERT INTO camera (id, name, room, room_id, last_seen, version, created_at, updated_at)
VALUES ($1, $2, $3, $4, 0, 1, $5, $5);

-- name: camera_by_id :one
SELECT id, name, room, room_id, last_seen, version, created_at, updated_at
FROM camera WHERE id = $1;

-- Filters and orders of the list: see store/page.h. Both lower() fold ASCII alone.
-- name: camera_page :many
-- dialect: sqlite
SELECT id, name, room, room_id, last_seen, version, created_at, updated_at
FROM (SELECT x.*, CASE $1 WHEN 'name' THEN lower(x.name) ELSE x.id END AS k FROM camera x) t
WHERE ($3 = '' OR (CAST($2 AS bigint) = 1 AND (k > $4 OR (k = $4 AND id > $3)))
        OR (CAST($2 AS bigint) = -1 AND (k < $4 OR (k = $4 AND id < $3))))
    AND ($5 = '' OR instr(lower(name), lower($5)) > 0
        OR instr(lower(room), lower($5)) > 0)
    AND ($6 = '' OR room_id = $6)
ORDER BY CASE WHEN CAST($2 AS bigint) = 1 THEN k END,
    CASE WHEN CAST($2 AS bigint) = -1 THEN k END DESC,
    CASE WHEN CAST($2 AS bigint) = 1 THEN id END,
    CASE WHEN CAST($2 AS bigint) = -1 THEN id END DESC
LIMIT $7;
-- dialect: postgres
SELECT id, name, room, room_id, last_seen, version, created_at, updated_at
FROM (SELECT x.*, CASE $1 WHEN 'name' THEN lower(x.name COLLATE "C") ELSE x.id END AS k FROM camera x) t
WHERE ($3 = '' OR (CAST($2 AS bigint) = 1 AND (k > $4 OR (k = $4 AND id > $3)))
        OR (CAST($2 AS bigint) = -1 AND (k < $4 OR (k = $4 AND id < $3))))
    AND ($5 = '' OR strpos(lower(name COLLATE "C"), lower($5 COLLATE "C")) > 0
        OR strpos(lower(room COLLATE "C"), lower($5 COLLATE "C")) > 0)
    AND ($6 = '' OR room_id = $6)
ORDER BY CASE WHEN CAST($2 AS bigint) = 1 THEN k END,
    CASE WHEN CAST($2 AS bigint) = -1 THEN k END DESC,
    CASE WHEN CAST($2 AS bigint) = 1 THEN id END,
    CASE WHEN CAST($2 AS bigint) = -1 THEN id END DESC
LIMIT $7;

-- name: camera_update :one
UPDATE camera
SET name = $2, room = $3, room_id = $4, updated_at = $5, version = version + 1
WHERE id = $1 AND (CAST($6 AS bigint) = 0 OR version = CAST($6 AS bigint))
RETURNING version;

-- name: camera_room_count :one
SELECT count(*) AS n FROM room WHERE id = $1;

-- name: camera_seen :exec
UPDATE camera SET last_seen = $2 WHERE id = $1 AND last_seen < $3;

-- name: camera_delete :exec
DELETE FROM camera WHERE id = $1;
