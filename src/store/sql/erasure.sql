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
