-- Answers kept for requests that are sent again.

-- Takes the name: a new one, one that is older than a day ($5), one whose worker is gone ($6).
-- name: idempotency_claim :one
INSERT INTO idempotency (principal, name, request, status, answer, claimed_at)
VALUES ($1, $2, $3, 0, $7, $4)
ON CONFLICT (principal, name) DO UPDATE
SET request = excluded.request, status = 0, answer = excluded.answer,
    claimed_at = excluded.claimed_at
WHERE idempotency.claimed_at < $5 OR (idempotency.status = 0 AND idempotency.claimed_at < $6)
RETURNING claimed_at;

-- name: idempotency_get :one
SELECT request, status, answer, claimed_at FROM idempotency WHERE principal = $1 AND name = $2;

-- name: idempotency_finish :exec
UPDATE idempotency SET status = $4, answer = $5
WHERE principal = $1 AND name = $2 AND claimed_at = $3 AND status = 0;

-- name: idempotency_release :exec
DELETE FROM idempotency WHERE principal = $1 AND name = $2 AND claimed_at = $3 AND status = 0;

-- name: idempotency_purge :exec
DELETE FROM idempotency WHERE claimed_at < $1;
