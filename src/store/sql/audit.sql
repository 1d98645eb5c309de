-- The audit trail. Ids begin with the time, so a stretch of time is a stretch of the primary key.

-- name: audit_insert :exec
INSERT INTO audit (id, at, actor, actor_kind, action, subject_kind, subject, status, address,
    request, detail)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- Newest first.
-- name: audit_list :many
SELECT id, at, actor, actor_kind, action, subject_kind, subject, status, address, request, detail
FROM audit
WHERE id < $1 AND id >= $2 AND ($3 = '' OR actor = $3) AND ($4 = '' OR action = $4)
    AND ($5 = '' OR subject = $5)
ORDER BY id DESC LIMIT $6;

-- name: audit_purge :exec
DELETE FROM audit WHERE id < $1;
