-- Programs that use the API, and which cameras a session takes frames of.

-- name: api_client_insert :exec
INSERT INTO api_client (id, name, kind, scopes, camera_id, key_hash, prefix, created_by,
    created_at, updated_at, expires_at, last_seen, revoked_at, version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, 0, 0, 1);

-- name: api_client_by_id :one
SELECT id, name, kind, scopes, camera_id, prefix, created_by, created_at, updated_at, expires_at,
    last_seen, revoked_at, version
FROM api_client WHERE id = $1;

-- name: api_client_by_key :one
SELECT id, name, kind, scopes, camera_id, prefix, created_by, created_at, updated_at, expires_at,
    last_seen, revoked_at, version
FROM api_client
WHERE key_hash = $1 AND revoked_at = 0 AND (expires_at = 0 OR expires_at > $2);

-- name: api_client_list :many
SELECT id, name, kind, scopes, camera_id, prefix, created_by, created_at, updated_at, expires_at,
    last_seen, revoked_at, version
FROM api_client
WHERE id > $1 AND ($2 = '' OR kind = $2) AND ($3 = '' OR camera_id = $3)
    AND (CAST($4 AS bigint) = 1 OR revoked_at = 0)
ORDER BY id LIMIT $5;

-- name: api_client_update :one
UPDATE api_client
SET name = $2, scopes = $3, camera_id = $4, expires_at = $5, updated_at = $6,
    version = version + 1
WHERE id = $1 AND revoked_at = 0 AND (CAST($7 AS bigint) = 0 OR version = CAST($7 AS bigint))
RETURNING version;

-- name: api_client_rotate :one
UPDATE api_client SET key_hash = $2, prefix = $3, updated_at = $4, version = version + 1
WHERE id = $1 AND revoked_at = 0
RETURNING version;

-- name: api_client_revoke :exec
UPDATE api_client SET revoked_at = $2, updated_at = $2, version = version + 1
WHERE id = $1 AND revoked_at = 0;

-- name: api_client_seen :exec
UPDATE api_client SET last_seen = $2 WHERE id = $1 AND last_seen < $3;

-- name: api_client_camera_gone :exec
UPDATE api_client SET camera_id = NULL WHERE camera_id = $1 AND revoked_at > 0;

-- name: session_camera_add :exec
INSERT INTO session_camera (session_id, camera_id) VALUES ($1, $2) ON CONFLICT DO NOTHING;

-- name: session_camera_remove :exec
DELETE FROM session_camera WHERE session_id = $1 AND camera_id = $2;

-- name: session_camera_list :many
SELECT camera_id FROM session_camera WHERE session_id = $1 ORDER BY camera_id;

-- name: session_version_bump :one
UPDATE session SET version = version + 1 WHERE id = $1 RETURNING version;
