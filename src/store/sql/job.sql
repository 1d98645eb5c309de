-- Durable jobs, their photos, and settings.

-- name: job_insert :exec
INSERT INTO job (id, kind, subject, state, tries, error, lease_until, created_at, updated_at,
    actor, allow_look_alike)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- name: job_photo_insert :exec
INSERT INTO job_photo (job_id, position, name, verdict, detail, quality, sealed)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: job_by_id :one
SELECT id, kind, subject, state, tries, error, lease_until, created_at, updated_at, actor,
    allow_look_alike
FROM job WHERE id = $1;

-- name: job_list :many
SELECT id, kind, subject, state, tries, error, lease_until, created_at, updated_at, actor,
    allow_look_alike
FROM job WHERE ($1 = '' OR state = $1) AND ($2 = '' OR id < $2)
ORDER BY id DESC LIMIT $3;

-- name: job_claim :exec
UPDATE job SET state = 'running', tries = tries + 1, lease_until = $3, updated_at = $2
WHERE id = $1 AND (state = 'queued' OR (state = 'running' AND lease_until <= $2));

-- name: job_renew :exec
UPDATE job SET lease_until = $4, updated_at = $3
WHERE id = $1 AND state = 'running' AND tries = $2;

-- name: job_finish :exec
UPDATE job SET state = $2, error = $3, lease_until = 0, updated_at = $4
WHERE id = $1 AND state IN ('queued', 'running');

-- name: job_release_all :exec
UPDATE job SET state = 'queued', lease_until = 0, updated_at = $1 WHERE state = 'running';

-- name: job_waiting :many
SELECT id FROM job
WHERE state = 'queued' OR (state = 'running' AND lease_until <= $1)
ORDER BY id LIMIT $2;

-- name: job_photos :many
SELECT position, name, verdict, detail, quality, other_id, replaced_id,
    CASE WHEN CAST($2 AS bigint) = 1 THEN sealed ELSE NULL END AS sealed
FROM job_photo WHERE job_id = $1 ORDER BY position;

-- name: job_photo_judge :exec
-- dialect: sqlite
UPDATE job_photo SET verdict = $3, detail = $4, quality = $5, other_id = $6, replaced_id = $7,
    sealed = X''
WHERE job_id = $1 AND position = $2;
-- dialect: postgres
UPDATE job_photo SET verdict = $3, detail = $4, quality = $5, other_id = $6, replaced_id = $7,
    sealed = ''::bytea
WHERE job_id = $1 AND position = $2;

-- name: setting_get :one
SELECT value, updated_at FROM setting WHERE name = $1;

-- name: setting_put :exec
INSERT INTO setting (name, value, updated_at) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at;

-- name: setting_delete :exec
DELETE FROM setting WHERE name = $1;

-- name: setting_put_new :exec
INSERT INTO setting (name, value, updated_at) VALUES ($1, $2, $3)
ON CONFLICT (name) DO NOTHING;
