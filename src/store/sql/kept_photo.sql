-- Enrolment photos that are kept.

-- name: kept_photo_insert :exec
INSERT INTO kept_photo (id, student_id, job_id, sealed, created_at, kept_until)
VALUES ($1, $2, $3, $4, $5, $6);

-- name: kept_photo_list :many
SELECT id, job_id, created_at, kept_until FROM kept_photo
WHERE student_id = $1 AND id > $2 ORDER BY id LIMIT $3;

-- name: kept_photo_by_id :one
SELECT id, job_id, created_at, kept_until, sealed FROM kept_photo WHERE student_id = $1 AND id = $2;

-- name: kept_photo_delete :exec
DELETE FROM kept_photo WHERE student_id = $1;

-- name: kept_photo_purge :exec
DELETE FROM kept_photo
WHERE id IN (SELECT id FROM kept_photo WHERE kept_until <= $1 ORDER BY kept_until LIMIT $2);
