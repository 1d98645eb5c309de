-- A student's marks over sessions.

-- Newest sessions first. $8 an instructor who sees only the courses taught; '' does not limit.
-- name: record_list :many
SELECT m.session_id, m.student_id, s.external_id, s.name, m.frame, m.status, m.source,
    m.first_seen, m.last_seen, m.receipt, m.created_at, m.disputed_at,
    x.course_id, x.title AS session_title, x.planned_start, x.started_at,
    c.code AS course_code, c.title AS course_title
FROM mark m JOIN student s ON s.id = m.student_id JOIN session x ON x.id = m.session_id
    JOIN course c ON c.id = x.course_id
WHERE m.student_id = $1 AND ($2 = '' OR x.course_id = $2) AND ($3 = '' OR m.status = $3)
    AND CASE WHEN x.started_at > 0 THEN x.started_at ELSE x.planned_start END
        >= CAST($4 AS bigint)
    AND (CAST($5 AS bigint) = 0
        OR CASE WHEN x.started_at > 0 THEN x.started_at ELSE x.planned_start END
            < CAST($5 AS bigint))
    AND (CAST($6 AS bigint) = 0 OR m.disputed_at > 0)
    AND ($7 = '' OR m.session_id < $7)
    AND ($8 = '' OR x.course_id IN (SELECT course_id FROM course_instructor WHERE user_id = $8))
ORDER BY m.session_id DESC LIMIT $9;
