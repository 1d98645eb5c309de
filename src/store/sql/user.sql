-- Users and what they sign in with.

-- name: user_insert :exec
INSERT INTO "user" (id, login, name, role, password_hash, created_at, updated_at, student_id)
VALUES ($1, $2, $3, $4, $5, $6, $6, $7);

-- name: user_by_login :one
SELECT id, login, name, role, password_hash, created_at, student_id FROM "user" WHERE login = $1;

-- name: user_by_id :one
SELECT id, login, name, role, password_hash, created_at, student_id FROM "user" WHERE id = $1;

-- name: user_list :many
SELECT id, login, name, role, password_hash, created_at, student_id FROM "user" ORDER BY login;

-- name: user_set_password :exec
UPDATE "user" SET password_hash = $2 WHERE id = $1;

-- name: user_count :one
SELECT count(*) AS n FROM "user";

-- name: login_insert :exec
INSERT INTO login (id, user_id, kind, hash, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6);

-- name: login_find :one
SELECT l.id AS login_id, l.hash, l.created_at AS login_created_at, l.expires_at,
    u.id, u.login, u.name, u.role, u.password_hash, u.created_at, u.student_id
FROM login l JOIN "user" u ON u.id = l.user_id
WHERE l.kind = $1 AND l.hash = $2 AND l.expires_at > $3;

-- name: login_delete :exec
DELETE FROM login WHERE id = $1;

-- name: login_purge :exec
DELETE FROM login WHERE expires_at <= $1;
