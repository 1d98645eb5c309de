-- Users and what they sign in with.

-- name: user_insert :exec
INSERT INTO "user" (id, login, name, role, password_hash, created_at, updated_at, student_id)
VALUES ($1, $2, $3, $4, $5, $6, $6, $7);

-- name: user_by_login :one
SELECT id, login, name, role, password_hash, created_at, student_id,
    disabled, tries, locked_until, version, updated_at
FROM "user" WHERE login = $1;

-- name: user_by_id :one
SELECT id, login, name, role, password_hash, created_at, student_id,
    disabled, tries, locked_until, version, updated_at
FROM "user" WHERE id = $1;

-- name: user_by_student :one
SELECT id, login, name, role, password_hash, created_at, student_id,
    disabled, tries, locked_until, version, updated_at
FROM "user" WHERE student_id = $1;

-- Both lower() fold ASCII alone here.
-- name: user_list :many
-- dialect: sqlite
SELECT id, login, name, role, password_hash, created_at, student_id,
    disabled, tries, locked_until, version, updated_at
FROM "user"
WHERE id > $1 AND ($2 = '' OR role = $2) AND ($3 = '' OR login = $3)
    AND ($4 = '' OR instr(lower(name), lower($4)) > 0
        OR instr(lower(login), lower($4)) > 0)
    AND (CAST($5 AS bigint) < 0 OR disabled = CAST($5 AS bigint))
ORDER BY id LIMIT $6;
-- dialect: postgres
SELECT id, login, name, role, password_hash, created_at, student_id,
    disabled, tries, locked_until, version, updated_at
FROM "user"
WHERE id > $1 AND ($2 = '' OR role = $2) AND ($3 = '' OR login = $3)
    AND ($4 = '' OR strpos(lower(name COLLATE "C"), lower($4 COLLATE "C")) > 0
        OR strpos(lower(login COLLATE "C"), lower($4 COLLATE "C")) > 0)
    AND (CAST($5 AS bigint) < 0 OR disabled = CAST($5 AS bigint))
ORDER BY id LIMIT $6;

-- name: user_set_password :exec
UPDATE "user" SET password_hash = $2, tries = 0, locked_until = 0, version = version + 1
WHERE id = $1;

-- name: user_update :one
UPDATE "user"
SET name = $2, role = $3, disabled = $4, student_id = $5, version = version + 1, updated_at = $6
WHERE id = $1 AND (CAST($7 AS bigint) = 0 OR version = CAST($7 AS bigint))
RETURNING version;

-- name: user_delete :exec
DELETE FROM "user" WHERE id = $1;

-- Who may still mend everything; two who would remove each other wait for one another.
-- name: user_admins :many
-- dialect: sqlite
SELECT id FROM "user" WHERE role = 'admin' AND disabled = 0 ORDER BY id;
-- dialect: postgres
SELECT id FROM "user" WHERE role = 'admin' AND disabled = 0 ORDER BY id FOR UPDATE;

-- name: user_failed :one
UPDATE "user" SET tries = tries + 1 WHERE id = $1 RETURNING tries;

-- name: user_lock :exec
UPDATE "user" SET locked_until = $2 WHERE id = $1;

-- name: user_unlock :exec
UPDATE "user" SET tries = 0, locked_until = 0 WHERE id = $1 AND tries > 0;

-- name: user_count :one
SELECT count(*) AS n FROM "user";

-- name: login_insert :exec
INSERT INTO login (id, user_id, kind, hash, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6);

-- name: login_find :one
SELECT l.id AS login_id, l.hash, l.created_at AS login_created_at, l.expires_at,
    u.id, u.login, u.name, u.role, u.password_hash, u.created_at, u.student_id,
    u.disabled, u.tries, u.locked_until, u.version, u.updated_at
FROM login l JOIN "user" u ON u.id = l.user_id
WHERE l.kind = $1 AND l.hash = $2 AND l.expires_at > $3 AND u.disabled = 0;

-- name: login_delete :exec
DELETE FROM login WHERE id = $1;

-- name: login_delete_of_user :exec
DELETE FROM login WHERE user_id = $1;

-- name: login_purge :exec
DELETE FROM login WHERE expires_at <= $1;
