-- The institution, its sites, rooms, terms and holidays.

-- name: institution_get :one
SELECT name, locale, version, created_at, updated_at FROM institution WHERE id = 1;

-- name: institution_update :one
UPDATE institution SET name = $1, locale = $2, version = version + 1, updated_at = $3
WHERE id = 1 AND (CAST($4 AS bigint) = 0 OR version = CAST($4 AS bigint))
RETURNING version;

-- name: site_insert :exec
INSERT INTO site (id, name, tz, version, created_at, updated_at)
VALUES ($1, $2, $3, 1, $4, $4);

-- name: site_by_id :one
SELECT id, '' AS site_id, name, tz, 0 AS capacity, 0 AS first_day, 0 AS last_day,
    version, created_at, updated_at
FROM site WHERE id = $1;

-- name: site_list :many
SELECT id, '' AS site_id, name, tz, 0 AS capacity, 0 AS first_day, 0 AS last_day,
    version, created_at, updated_at
FROM site WHERE ($1 = '' OR id = $1) AND id > $2 ORDER BY id LIMIT $3;

-- name: site_update :one
UPDATE site
SET name = $2, tz = $3, version = version + 1, updated_at = $4
WHERE id = $1
    AND (CAST($5 AS bigint) = 0 OR version = CAST($5 AS bigint))
RETURNING version;

-- name: site_delete :exec
DELETE FROM site WHERE id = $1;

-- name: room_insert :exec
INSERT INTO room (id, site_id, name, capacity, version, created_at, updated_at)
VALUES ($1, $2, $3, $4, 1, $5, $5);

-- name: room_by_id :one
SELECT id, site_id, name, '' AS tz, capacity, 0 AS first_day, 0 AS last_day,
    version, created_at, updated_at
FROM room WHERE id = $1;

-- name: room_list :many
SELECT id, site_id, name, '' AS tz, capacity, 0 AS first_day, 0 AS last_day,
    version, created_at, updated_at
FROM room WHERE ($1 = '' OR site_id = $1) AND id > $2 ORDER BY id LIMIT $3;

-- name: room_update :one
UPDATE room
SET name = $2, capacity = $3, version = version + 1, updated_at = $4
WHERE id = $1
    AND (CAST($5 AS bigint) = 0 OR version = CAST($5 AS bigint))
RETURNING version;

-- name: room_delete :exec
DELETE FROM room WHERE id = $1;

-- name: term_insert :exec
INSERT INTO term (id, site_id, name, first_day, last_day, version, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, 1, $6, $6);

-- name: term_by_id :one
SELECT id, site_id, name, '' AS tz, 0 AS capacity, first_day, last_day,
    version, created_at, updated_at
FROM term WHERE id = $1;

-- name: term_list :many
SELECT id, site_id, name, '' AS tz, 0 AS capacity, first_day, last_day,
    version, created_at, updated_at
FROM term WHERE ($1 = '' OR site_id = $1) AND id > $2 ORDER BY id LIMIT $3;

-- name: term_update :one
UPDATE term
SET name = $2, first_day = $3, last_day = $4, version = version + 1, updated_at = $5
WHERE id = $1
    AND (CAST($6 AS bigint) = 0 OR version = CAST($6 AS bigint))
RETURNING version;

-- name: term_delete :exec
DELETE FROM term WHERE id = $1;

-- name: holiday_insert :exec
INSERT INTO holiday (id, site_id, name, first_day, last_day, version, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, 1, $6, $6);

-- name: holiday_by_id :one
SELECT id, site_id, name, '' AS tz, 0 AS capacity, first_day, last_day,
    version, created_at, updated_at
FROM holiday WHERE id = $1;

-- name: holiday_list :many
SELECT id, site_id, name, '' AS tz, 0 AS capacity, first_day, last_day,
    version, created_at, updated_at
FROM holiday WHERE ($1 = '' OR site_id = $1) AND id > $2 ORDER BY id LIMIT $3;

-- name: holiday_update :one
UPDATE holiday
SET name = $2, first_day = $3, last_day = $4, version = version + 1, updated_at = $5
WHERE id = $1
    AND (CAST($6 AS bigint) = 0 OR version = CAST($6 AS bigint))
RETURNING version;

-- name: holiday_delete :exec
DELETE FROM holiday WHERE id = $1;

-- name: holiday_days :many
SELECT first_day, last_day FROM holiday
WHERE site_id = $1 AND last_day >= $2 AND first_day <= $3 ORDER BY first_day;
