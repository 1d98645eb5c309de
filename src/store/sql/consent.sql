-- Consents: who agreed to what, and when it ended.

-- name: consent_insert :exec
INSERT INTO consent (id, student_id, purpose, text_version, given_at, expires_at, recorded_by, live)
VALUES ($1, $2, $3, $4, $5, $6, $7, 1);

-- Marks the one that stands as replaced by $3. It stays live while templates point to it.
-- name: consent_supersede :one
UPDATE consent SET replaced_by = $3
WHERE student_id = $1 AND purpose = $2 AND live = 1 AND replaced_by = ''
RETURNING id;

-- name: consent_templates_move :exec
UPDATE template SET consent_id = $2 WHERE consent_id = $1;

-- name: consent_end_replaced :exec
UPDATE consent SET live = NULL WHERE id = $1 AND replaced_by <> '';

-- name: consent_by_id :one
SELECT id, student_id, purpose, text_version, given_at, expires_at, withdrawn_at, replaced_by,
    recorded_by, live
FROM consent WHERE id = $1 AND student_id = $2;

-- name: consent_list :many
SELECT id, student_id, purpose, text_version, given_at, expires_at, withdrawn_at, replaced_by,
    recorded_by, live
FROM consent WHERE student_id = $1 AND id > $2 ORDER BY id LIMIT $3;

-- The consent that stands now, held until the transaction ends.
-- name: consent_hold :one
-- dialect: sqlite
SELECT id FROM consent
WHERE student_id = $1 AND purpose = $2 AND live = 1 AND replaced_by = ''
    AND (expires_at = 0 OR expires_at > $3);
-- dialect: postgres
SELECT id FROM consent
WHERE student_id = $1 AND purpose = $2 AND live = 1 AND replaced_by = ''
    AND (expires_at = 0 OR expires_at > $3)
FOR SHARE;

-- name: consent_withdraw :exec
UPDATE consent SET live = NULL, withdrawn_at = $3 WHERE id = $1 AND student_id = $2 AND live = 1;

-- name: consent_expired :many
SELECT id, student_id, purpose, text_version, given_at, expires_at, withdrawn_at, replaced_by,
    recorded_by, live
FROM consent WHERE live = 1 AND expires_at > 0 AND expires_at <= $1
ORDER BY expires_at LIMIT $2;

-- name: consent_delete :exec
DELETE FROM consent WHERE student_id = $1;

-- Nobody enrols the student, or ends a consent, until this transaction has ended.
-- name: consent_lock :many
-- dialect: sqlite
SELECT id FROM consent WHERE student_id = $1;
-- dialect: postgres
SELECT id FROM consent WHERE student_id = $1 FOR UPDATE;
