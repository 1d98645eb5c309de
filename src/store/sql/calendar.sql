-- Sessions that came from a calendar file.

-- name: calendar_course :many
SELECT id, code FROM course WHERE id = $1 OR code = $1 ORDER BY id LIMIT 2;

-- name: calendar_sittings :many
SELECT d.slot, d.session_id, d.made_version, coalesce(s.status, '') AS status,
    coalesce(s.version, 0) AS version, coalesce(s.planned_start, 0) AS planned_start,
    coalesce(s.planned_end, 0) AS planned_end, coalesce(s.room_id, '') AS room_id,
    coalesce(s.title, '') AS title
FROM calendar_sitting d LEFT JOIN session s ON s.id = d.session_id
WHERE d.uid = $1 ORDER BY d.slot;

-- name: calendar_sitting_insert :exec
INSERT INTO calendar_sitting (uid, slot, session_id, made_version) VALUES ($1, $2, $3, 1);

-- name: calendar_sitting_set :exec
UPDATE calendar_sitting SET made_version = $3 WHERE uid = $1 AND slot = $2;

-- name: calendar_sitting_delete :exec
DELETE FROM calendar_sitting WHERE uid = $1 AND slot = $2;
