-- Look-alikes: pairs of students whose templates score as one person's would.

-- name: look_alike_put :exec
INSERT INTO look_alike (id, a, b, encoder, preprocessing, score, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
ON CONFLICT (a, b, encoder, preprocessing)
DO UPDATE SET score = excluded.score, updated_at = excluded.updated_at;

-- Pairs of the student that were not put just now.
-- name: look_alike_delete_older :exec
DELETE FROM look_alike
WHERE (a = $1 OR b = $1) AND encoder = $2 AND preprocessing = $3 AND updated_at <> $4;

-- name: look_alike_delete :exec
DELETE FROM look_alike WHERE a = $1 OR b = $1;

-- $1 may be '' = anybody's.
-- name: look_alike_list :many
SELECT l.id, l.a, l.b, l.score, l.created_at, l.updated_at, sa.external_id AS a_external_id,
    sa.name AS a_name, sb.external_id AS b_external_id, sb.name AS b_name
FROM look_alike l JOIN student sa ON sa.id = l.a JOIN student sb ON sb.id = l.b
WHERE ($1 = '' OR l.a = $1 OR l.b = $1) AND l.encoder = $2 AND l.preprocessing = $3 AND l.id > $4
ORDER BY l.id LIMIT $5;

-- name: look_alike_ids :many
SELECT a, b FROM look_alike WHERE encoder = $1 AND preprocessing = $2 ORDER BY a, b;

-- Grows with every change: the version of the cached pairs.
-- name: look_alike_version :one
SELECT CAST(value AS bigint) AS version FROM setting WHERE name = 'look_alike_version';

-- name: look_alike_version_bump :exec
INSERT INTO setting (name, value, updated_at) VALUES ('look_alike_version', '1', $1)
ON CONFLICT (name) DO UPDATE
SET value = CAST(CAST(setting.value AS bigint) + 1 AS text), updated_at = excluded.updated_at;
