-- Templates: one row per accepted enrolment photo.

-- Under the consent that stands; without one nothing is written.
-- name: template_insert :exec
INSERT INTO template (id, student_id, encoder, preprocessing, model_precision, model_sha256,
    sealed, quality, source, created_at, consent_id, consent_live)
SELECT $1, student_id, $3, $4, $5, $6, $7, $8, $9, $10, id, live
FROM consent
WHERE student_id = $2 AND purpose = 'recognition' AND live = 1 AND replaced_by = ''
    AND (expires_at = 0 OR expires_at > $11);

-- name: template_of_student :many
SELECT id, student_id, encoder, preprocessing, model_precision, model_sha256, sealed, quality,
    source, created_at
FROM template WHERE student_id = $1 AND encoder = $2 AND preprocessing = $3
ORDER BY created_at, id;

-- name: template_each :stream
SELECT id, student_id, encoder, preprocessing, model_precision, model_sha256, sealed, quality,
    source, created_at
FROM template WHERE encoder = $1 AND preprocessing = $2
ORDER BY student_id, id;

-- name: template_count :one
SELECT count(*) AS n FROM template
WHERE student_id = $1 AND encoder = $2 AND preprocessing = $3;

-- The same without the vectors, of every encoder, newest first.
-- name: template_rows :many
SELECT id, student_id, encoder, preprocessing, model_precision, model_sha256, quality, source,
    created_at
FROM template WHERE student_id = $1
ORDER BY created_at DESC, id DESC;

-- name: template_newest :one
SELECT COALESCE(MAX(created_at), 0) AS newest FROM template
WHERE student_id = $1 AND encoder = $2 AND preprocessing = $3;

-- name: template_delete_one :exec
DELETE FROM template WHERE id = $1 AND student_id = $2;

-- name: template_delete :exec
DELETE FROM template WHERE student_id = $1;

-- name: template_kinds :many
SELECT encoder, preprocessing, count(DISTINCT student_id) AS students, count(*) AS photos
FROM template GROUP BY encoder, preprocessing ORDER BY encoder, preprocessing;
