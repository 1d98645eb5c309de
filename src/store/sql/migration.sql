-- Which migrations a database has; made by the first one's transaction.

-- name: migration_table :exec
-- dialect: sqlite
CREATE TABLE IF NOT EXISTS migration (
    version INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_at INTEGER NOT NULL
) STRICT;
-- dialect: postgres
CREATE TABLE IF NOT EXISTS migration (
    version bigint NOT NULL PRIMARY KEY,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at bigint NOT NULL
);

-- name: migration_table_exists :one
-- dialect: sqlite
SELECT count(*) AS n FROM sqlite_master WHERE type = 'table' AND name = 'migration';
-- dialect: postgres
SELECT count(*) AS n FROM pg_tables
WHERE schemaname = current_schema() AND tablename = 'migration';

-- One program at a time migrates; SQLite's one writer sees to that by itself.
-- name: migration_lock :many
-- dialect: sqlite
SELECT 1 AS locked WHERE 0;
-- dialect: postgres
SELECT pg_advisory_xact_lock(7021884321) AS locked;

-- name: migration_list :many
SELECT version, name, checksum, applied_at FROM migration ORDER BY version;

-- name: migration_insert :exec
INSERT INTO migration (version, name, checksum, applied_at) VALUES ($1, $2, $3, $4);

-- A migration may take longer than a statement should: for this transaction alone.
-- name: migration_no_limit :many
-- dialect: sqlite
SELECT '' AS value;
-- dialect: postgres
SELECT set_config('statement_timeout', '0', true) AS value;
