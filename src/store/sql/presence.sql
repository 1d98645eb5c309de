-- Which minutes of a session a student was seen in.

-- name: presence_add :exec
INSERT INTO presence (session_id, student_id, minute, sightings, best_score)
VALUES ($1, $2, $3, 1, $4)
ON CONFLICT (session_id, student_id, minute) DO UPDATE
SET sightings = presence.sightings + 1,
    best_score = CASE WHEN excluded.best_score > presence.best_score THEN excluded.best_score
        ELSE presence.best_score END;

-- name: presence_has :one
SELECT sightings FROM presence WHERE session_id = $1 AND student_id = $2 AND minute = $3;

-- name: presence_minutes :many
SELECT minute, sightings, best_score FROM presence
WHERE session_id = $1 AND student_id = $2 ORDER BY minute;

-- name: presence_each :stream
SELECT student_id, minute FROM presence WHERE session_id = $1 ORDER BY student_id, minute;
