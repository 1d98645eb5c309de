-- Removing what was learnt of a student's face.

-- name: erasure_jobs_end :exec
UPDATE job SET state = 'failed', error = $2, lease_until = 0, updated_at = $3
WHERE subject = $1 AND state IN ('queued', 'running');

-- File names may hold the student's name.
-- name: erasure_photos_empty :exec
-- dialect: sqlite
UPDATE job_photo SET sealed = X'', name = ''
WHERE length(sealed) > 0 AND job_id IN (SELECT id FROM job WHERE subject = $1);
-- dialect: postgres
UPDATE job_photo SET sealed = ''::bytea, name = ''
WHERE octet_length(sealed) > 0 AND job_id IN (SELECT id FROM job WHERE subject = $1);

-- How sure the recognition was is learnt from the face; the minutes stay.
-- name: erasure_scores_clear :exec
UPDATE presence SET best_score = 0 WHERE student_id = $1 AND best_score <> 0;

-- What an erasure that was cut short has left: rows under a destroyed key.
-- name: erasure_left :one
SELECT s.erased_at,
    (SELECT count(*) FROM template t WHERE t.student_id = s.id)
    + (SELECT count(*) FROM job j WHERE j.subject = s.id AND j.state IN ('queued', 'running')) AS n,
    COALESCE((SELECT MAX(c.id) FROM consent c WHERE c.student_id = s.id AND c.live = 1
        AND c.purpose = 'recognition' AND c.replaced_by = ''), '') AS consent_id
FROM student s WHERE s.id = $1;

-- name: erasure_insert :exec
INSERT INTO erasure (id, student_id, scope, reason, at, statement, signature, public_key)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: erasure_by_id :one
SELECT id, student_id, scope, reason, at, statement, signature, public_key
FROM erasure WHERE id = $1;

-- Newest first.
-- name: erasure_list :many
SELECT id, student_id, scope, reason, at, statement, signature, public_key
FROM erasure WHERE ($1 = '' OR student_id = $1) AND ($2 = '' OR id < $2)
ORDER BY id DESC LIMIT $3;

-- name: erasure_consents_end :exec
UPDATE consent SET live = NULL, withdrawn_at = $2 WHERE student_id = $1 AND live = 1;

-- name: erasure_roster_end :exec
UPDATE roster_entry SET valid_to = CASE WHEN valid_from > $2 THEN valid_from ELSE $2 END
WHERE student_id = $1 AND (valid_to IS NULL OR valid_to > CAST($2 AS bigint));

-- What other systems call a student who is erased: the next import must not find the row again.
-- name: erasure_refs_delete :exec
DELETE FROM external_ref WHERE student_id = $1;

-- The sign-in of a student who is erased.
-- name: erasure_user_delete :exec
DELETE FROM "user" WHERE student_id = $1;

-- name: erasure_student_strip :exec
UPDATE student SET external_id = 'erased-' || id, name = 'Erased student', email = '',
    status = 'inactive', version = version + 1, updated_at = $2, erased_at = $2
WHERE id = $1 AND erased_at = 0;
