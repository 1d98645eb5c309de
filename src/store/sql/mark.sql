-- Marks, the register behind them, and the outbox.

-- A duplicate gives no row; what stands is kept. Only the absence that a rule wrote gives way, and
-- not to another one.
-- name: mark_insert :one
INSERT INTO mark (session_id, student_id, frame, status, source, first_seen, last_seen, receipt,
    created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (session_id, student_id) DO UPDATE
SET frame = excluded.frame, status = excluded.status, source = excluded.source,
    first_seen = excluded.first_seen, last_seen = excluded.last_seen, receipt = excluded.receipt,
    created_at = excluded.created_at, disputed_at = 0
WHERE mark.source = 'rule' AND mark.status = 'absent' AND excluded.source <> 'rule'
RETURNING frame;

-- Everybody on the roster at $2 who has no mark.
-- name: mark_insert_absent :many
INSERT INTO mark (session_id, student_id, frame, status, source, first_seen, last_seen, receipt,
    created_at)
SELECT s.id, r.student_id, '', 'absent', 'rule', 0, 0, '', CAST($3 AS bigint)
FROM session s JOIN roster_entry r ON r.course_id = s.course_id
WHERE s.id = $1 AND r.valid_from <= CAST($2 AS bigint)
    AND (r.valid_to IS NULL OR r.valid_to > CAST($2 AS bigint))
GROUP BY s.id, r.student_id
ORDER BY r.student_id
ON CONFLICT (session_id, student_id) DO NOTHING
RETURNING student_id;

-- Those that the rules of a session's end are about.
-- name: mark_faces :many
SELECT student_id FROM mark WHERE session_id = $1 AND source = 'face' ORDER BY student_id;

-- name: mark_settle :exec
UPDATE mark SET status = $3, first_seen = $4 WHERE session_id = $1 AND student_id = $2;

-- name: mark_touch :exec
UPDATE mark
SET last_seen = CASE WHEN CAST($3 AS bigint) > last_seen THEN CAST($3 AS bigint) ELSE last_seen END
WHERE session_id = $1 AND student_id = $2;

-- name: mark_by_student :one
SELECT m.session_id, m.student_id, s.external_id, s.name, m.frame, m.status, m.source,
    m.first_seen, m.last_seen, m.receipt, m.created_at, m.disputed_at
FROM mark m JOIN student s ON s.id = m.student_id
WHERE m.session_id = $1 AND m.student_id = $2;

-- name: mark_list :many
SELECT m.session_id, m.student_id, s.external_id, s.name, m.frame, m.status, m.source,
    m.first_seen, m.last_seen, m.receipt, m.created_at, m.disputed_at
FROM mark m JOIN student s ON s.id = m.student_id
WHERE m.session_id = $1
ORDER BY s.name, s.id;

-- By hand: whatever stood, a dispute of it is over. The evidence is kept.
-- name: mark_correct :exec
INSERT INTO mark (session_id, student_id, frame, status, source, first_seen, last_seen, receipt,
    created_at)
VALUES ($1, $2, '', $3, 'manual', 0, 0, '', $4)
ON CONFLICT (session_id, student_id) DO UPDATE
SET status = excluded.status, source = excluded.source, disputed_at = 0;

-- name: mark_dispute :exec
UPDATE mark SET disputed_at = $3 WHERE session_id = $1 AND student_id = $2 AND disputed_at = 0;

-- Was the student ever on the roster of the session's course?
-- name: mark_expected :one
SELECT count(*) AS n FROM session s JOIN roster_entry r ON r.course_id = s.course_id
WHERE s.id = $1 AND r.student_id = $2;

-- The nearest to the threshold first. doubt: the margin in units of 0.0001, as receipts have it;
-- 90000: there is no such evidence. The index mark_disputed holds the same expression.
-- name: mark_disputed :many
-- dialect: sqlite
SELECT session_id, student_id, external_id, name, frame, status, source, first_seen, last_seen,
    receipt, created_at, disputed_at, doubt
FROM (SELECT m.session_id, m.student_id, s.external_id, s.name, m.frame, m.status, m.source,
        m.first_seen, m.last_seen, m.receipt, m.created_at, m.disputed_at,
        COALESCE(CASE WHEN m.receipt <> '' THEN CAST(round((
            json_extract(m.receipt, '$.similarity')
            - json_extract(m.receipt, '$.threshold')) * 10000) AS bigint) END, 90000) AS doubt
    FROM mark m JOIN student s ON s.id = m.student_id JOIN session x ON x.id = m.session_id
    WHERE m.disputed_at > 0 AND ($1 = '' OR x.course_id = $1) AND ($2 = '' OR m.session_id = $2)
        AND ($3 = '' OR x.course_id IN (SELECT course_id FROM course_instructor WHERE user_id = $3))
        AND ($4 = '' OR m.student_id = $4)) d
WHERE (doubt, disputed_at, student_id, session_id)
    > (CAST($5 AS bigint), CAST($6 AS bigint), $7, $8)
ORDER BY doubt, disputed_at, student_id, session_id LIMIT $9;
-- dialect: postgres
SELECT session_id, student_id, external_id, name, frame, status, source, first_seen, last_seen,
    receipt, created_at, disputed_at, doubt
FROM (SELECT m.session_id, m.student_id, s.external_id, s.name, m.frame, m.status, m.source,
        m.first_seen, m.last_seen, m.receipt, m.created_at, m.disputed_at,
        COALESCE(CASE WHEN m.receipt <> '' THEN CAST(round((
            CAST(CAST(m.receipt AS jsonb) ->> 'similarity' AS double precision)
            - CAST(CAST(m.receipt AS jsonb) ->> 'threshold' AS double precision)) * 10000) AS bigint) END, 90000) AS doubt
    FROM mark m JOIN student s ON s.id = m.student_id JOIN session x ON x.id = m.session_id
    WHERE m.disputed_at > 0 AND ($1 = '' OR x.course_id = $1) AND ($2 = '' OR m.session_id = $2)
        AND ($3 = '' OR x.course_id IN (SELECT course_id FROM course_instructor WHERE user_id = $3))
        AND ($4 = '' OR m.student_id = $4)) d
WHERE (doubt, disputed_at, student_id, session_id)
    > (CAST($5 AS bigint), CAST($6 AS bigint), $7, $8)
ORDER BY doubt, disputed_at, student_id, session_id LIMIT $9;

-- Appends of one chain wait for each other; SQLite's one writer sees to that by itself.
-- name: register_lock :many
-- dialect: sqlite
SELECT 1 AS locked WHERE $1 = '';
-- dialect: postgres
SELECT pg_advisory_xact_lock(hashtextextended($1, 0)) AS locked;

-- name: register_last :one
SELECT seq, hash FROM register_event WHERE chain = $1 ORDER BY seq DESC LIMIT 1;

-- name: register_insert :exec
INSERT INTO register_event (chain, seq, prev_hash, hash, actor, at, student, payload)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: register_list :many
SELECT chain, seq, prev_hash, hash, actor, at, student, payload
FROM register_event WHERE chain = $1 ORDER BY seq;

-- name: register_of_student :many
SELECT chain, seq, prev_hash, hash, actor, at, student, payload
FROM register_event WHERE chain = $1 AND student = $2 ORDER BY seq;

-- name: register_each :stream
SELECT chain, seq, prev_hash, hash, actor, at, student, payload
FROM register_event ORDER BY chain, seq;

-- Sessions with marks: each must have a chain.
-- name: mark_sessions :stream
SELECT DISTINCT session_id FROM mark ORDER BY session_id;

-- name: outbox_insert :exec
INSERT INTO outbox (id, topic, payload, created_at) VALUES ($1, $2, $3, $4);

-- name: outbox_list :many
SELECT id, topic, payload, created_at FROM outbox
WHERE created_at < $1 ORDER BY created_at, id LIMIT $2;

-- name: outbox_delete :exec
DELETE FROM outbox WHERE id = $1;
