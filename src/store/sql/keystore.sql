-- The students' keys, in a database of their own (keystore.c makes the table).

-- name: key_get :one
SELECT sealed, fingerprint, destroyed_at FROM student_key WHERE student_id = $1 AND purpose = $2;

-- A key that was destroyed may be followed by a new one; one that is there stays.
-- name: key_put :exec
INSERT INTO student_key (student_id, purpose, sealed, fingerprint, created_at, destroyed_at)
VALUES ($1, $2, $3, $4, $5, 0)
ON CONFLICT (student_id, purpose) DO UPDATE SET sealed = excluded.sealed,
    fingerprint = excluded.fingerprint, created_at = excluded.created_at, destroyed_at = 0
WHERE student_key.destroyed_at > 0;

-- name: key_destroy :exec
-- dialect: sqlite
UPDATE student_key SET sealed = X'', destroyed_at = $3
WHERE student_id = $1 AND purpose = $2 AND destroyed_at = 0;
-- dialect: postgres
UPDATE student_key SET sealed = ''::bytea, destroyed_at = $3
WHERE student_id = $1 AND purpose = $2 AND destroyed_at = 0;

-- name: key_destroyed :many
SELECT student_id FROM student_key
WHERE purpose = $1 AND destroyed_at > 0 AND destroyed_at <= $2 AND student_id > $3
ORDER BY student_id LIMIT $4;

-- name: key_each :stream
SELECT student_id, sealed FROM student_key WHERE purpose = $1 AND destroyed_at = 0;
