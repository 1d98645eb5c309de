-- Timetables, and the sessions made from them.

-- name: timetable_insert :exec
INSERT INTO timetable (id, course_id, site_id, room_id, title, weekday, start_minute, minutes,
    first_day, last_day, version, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11, $11);

-- name: timetable_by_id :one
SELECT t.id, t.course_id, c.code AS course_code, c.title AS course_title, t.site_id, s.tz,
    t.room_id, t.title, t.weekday, t.start_minute, t.minutes, t.first_day, t.last_day, t.version,
    t.created_at, t.updated_at, coalesce(m.first_day, 0) AS term_first,
    coalesce(m.last_day, 84005) AS term_last
FROM timetable t JOIN course c ON c.id = t.course_id JOIN site s ON s.id = t.site_id
    LEFT JOIN term m ON m.id = c.term_id
WHERE t.id = $1;

-- name: timetable_list :many
SELECT t.id, t.course_id, c.code AS course_code, c.title AS course_title, t.site_id, s.tz,
    t.room_id, t.title, t.weekday, t.start_minute, t.minutes, t.first_day, t.last_day, t.version,
    t.created_at, t.updated_at, coalesce(m.first_day, 0) AS term_first,
    coalesce(m.last_day, 84005) AS term_last
FROM timetable t JOIN course c ON c.id = t.course_id JOIN site s ON s.id = t.site_id
    LEFT JOIN term m ON m.id = c.term_id
WHERE ($1 = '' OR t.course_id = $1) AND ($2 = '' OR t.site_id = $2) AND ($3 = '' OR t.room_id = $3)
    AND (CAST($4 AS bigint) = 0 OR t.weekday = CAST($4 AS bigint)) AND t.id > $5
ORDER BY t.id LIMIT $6;

-- name: timetable_update :one
UPDATE timetable
SET site_id = $2, room_id = $3, title = $4, weekday = $5, start_minute = $6, minutes = $7,
    first_day = $8, last_day = $9, version = version + 1, updated_at = $10
WHERE id = $1 AND (CAST($11 AS bigint) = 0 OR version = CAST($11 AS bigint))
RETURNING version;

-- name: timetable_delete :exec
DELETE FROM timetable WHERE id = $1;

-- name: timetable_clash :many
SELECT t.id, t.course_id, c.code AS course_code, c.title AS course_title, t.site_id, s.tz,
    t.room_id, t.title, t.weekday, t.start_minute, t.minutes, t.first_day, t.last_day, t.version,
    t.created_at, t.updated_at, coalesce(m.first_day, 0) AS term_first,
    coalesce(m.last_day, 84005) AS term_last
FROM timetable t JOIN course c ON c.id = t.course_id JOIN site s ON s.id = t.site_id
    LEFT JOIN term m ON m.id = c.term_id
WHERE t.id <> $1 AND t.site_id = $2 AND (t.course_id = $3 OR t.room_id = $4) AND t.weekday = $5
    AND t.start_minute < CAST($6 AS bigint) AND t.start_minute + t.minutes > CAST($7 AS bigint)
    AND t.first_day <= $8 AND t.last_day >= $9
ORDER BY t.id LIMIT 1;

-- name: timetable_days :many
SELECT d.day, d.session_id, d.made_version, coalesce(s.status, '') AS status,
    coalesce(s.version, 0) AS version, coalesce(s.planned_start, 0) AS planned_start,
    coalesce(s.planned_end, 0) AS planned_end, coalesce(s.room_id, '') AS room_id,
    coalesce(s.title, '') AS title
FROM timetable_day d LEFT JOIN session s ON s.id = d.session_id
WHERE d.timetable_id = $1 AND d.day >= $2 ORDER BY d.day;

-- name: timetable_day_insert :exec
INSERT INTO timetable_day (timetable_id, day, session_id, made_version) VALUES ($1, $2, NULL, 1)
ON CONFLICT DO NOTHING;

-- name: timetable_day_set :exec
UPDATE timetable_day SET session_id = $3, made_version = $4 WHERE timetable_id = $1 AND day = $2;

-- name: timetable_day_delete :exec
DELETE FROM timetable_day WHERE timetable_id = $1 AND day = $2;

-- name: session_place :exec
UPDATE session SET room_id = $2, timetable_id = $3 WHERE id = $1;

-- name: session_replan :exec
UPDATE session SET planned_start = $3, planned_end = $4, room_id = $5, title = $6, updated_at = $7,
    version = version + 1
WHERE id = $1 AND version = $2 AND status = 'scheduled';

-- name: session_delete_unchanged :exec
DELETE FROM session WHERE id = $1 AND version = $2 AND status = 'scheduled';

-- name: session_room_clash :many
SELECT s.id, c.code AS course_code, s.planned_start, s.planned_end
FROM session s JOIN course c ON c.id = s.course_id
WHERE s.room_id = $1 AND s.id <> $2 AND s.status IN ('scheduled', 'active')
    AND s.planned_start < $3 AND s.planned_end > $4
ORDER BY s.planned_start LIMIT 1;
