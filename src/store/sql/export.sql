-- Everything held on one student, a section a query: GET /v1/students/{id}/export.

-- name: export_person :one
SELECT id, external_id, name, email, status, created_at, updated_at FROM student WHERE id = $1;

-- name: export_account :many
SELECT login, name, role, disabled, created_at FROM "user" WHERE student_id = $1 ORDER BY login;

-- name: export_consents :many
SELECT id, purpose, text_version, given_at, expires_at, withdrawn_at, replaced_by, recorded_by
FROM consent WHERE student_id = $1 ORDER BY id;

-- name: export_templates :many
SELECT id, consent_id, encoder, preprocessing, model_precision, model_sha256, quality, source,
    created_at
FROM template WHERE student_id = $1 ORDER BY id;

-- name: export_kept_photos :many
SELECT id, created_at, kept_until FROM kept_photo WHERE student_id = $1 ORDER BY id;

-- name: export_rosters :many
SELECT c.code, c.title, c.term, r.valid_from, r.valid_to
FROM roster_entry r JOIN course c ON c.id = r.course_id
WHERE r.student_id = $1 ORDER BY r.valid_from, r.id;

-- name: export_marks :stream
SELECT m.session_id, c.code, c.title, x.title AS session_title, x.planned_start, x.started_at,
    x.ended_at, m.status, m.source, m.frame, m.first_seen, m.last_seen, m.disputed_at, m.receipt,
    m.created_at
FROM mark m JOIN session x ON x.id = m.session_id JOIN course c ON c.id = x.course_id
WHERE m.student_id = $1 ORDER BY m.session_id;

-- name: export_presence :stream
SELECT session_id, minute, sightings, best_score FROM presence
WHERE student_id = $1 ORDER BY session_id, minute;

-- name: export_totals :many
SELECT c.code, c.title, c.term, t.present, t.late, t.left_early, t.absent, t.excused
FROM attendance_total t JOIN course c ON c.id = t.course_id
WHERE t.student_id = $1 ORDER BY c.code, c.id;

-- The chains of the student's sessions, and the admin chain.
-- name: export_register :stream
SELECT e.chain, e.seq, e.at, e.actor, e.payload, e.hash
FROM mark m JOIN register_event e ON e.chain = m.session_id AND e.student = m.student_id
WHERE m.student_id = $1
UNION ALL
SELECT chain, seq, at, actor, payload, hash FROM register_event
WHERE chain = 'admin' AND student = $1
ORDER BY 1, 2;

-- Whom the student looks like is about that person, too: not told.
-- name: export_look_alikes :many
SELECT id, encoder, preprocessing, score, created_at, updated_at FROM look_alike
WHERE a = $1 OR b = $1 ORDER BY id;

-- name: export_jobs :many
SELECT j.id, j.kind, j.state, j.error, j.created_at, j.updated_at, p.position, p.name, p.verdict,
    p.detail, p.quality
FROM job j LEFT JOIN job_photo p ON p.job_id = j.id
WHERE j.subject = $1 ORDER BY j.id, p.position;

-- name: export_differences :many
SELECT lost, gained, other, active_score, shadow_score, last_seen FROM engine_difference
WHERE student_id = $1;

-- Who did what to the student's data; from where is about who did it.
-- name: export_audit :stream
SELECT at, actor, actor_kind, action, status, detail FROM audit WHERE subject = $1 ORDER BY id;

-- name: export_references :many
SELECT system, external, created_at FROM external_ref WHERE student_id = $1
ORDER BY system, external;

-- name: export_erasures :many
SELECT id, scope, reason, at, statement, signature, public_key FROM erasure
WHERE student_id = $1 ORDER BY id;
