-- How far a PostgreSQL server's log reaches, in bytes; see store/replica.h. SQLite has no replica.

-- name: replica_primary_end :one
-- dialect: sqlite
SELECT NULL AS lsn;
-- dialect: postgres
SELECT CAST(pg_current_wal_insert_lsn() - CAST('0/0' AS pg_lsn) AS bigint) AS lsn;

-- NULL of a server that was promoted: it follows nobody any more.
-- name: replica_replayed :one
-- dialect: sqlite
SELECT NULL AS lsn;
-- dialect: postgres
SELECT CASE WHEN pg_is_in_recovery()
    THEN CAST(pg_last_wal_replay_lsn() - CAST('0/0' AS pg_lsn) AS bigint) END AS lsn;
