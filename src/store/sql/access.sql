-- Whose a row is: $2 an instructor's user, $3 a student; '' where that does not limit.

-- name: access_course :one
SELECT count(*) AS n FROM course c
WHERE c.id = $1
    AND ($2 = '' OR EXISTS (SELECT 1 FROM course_instructor i
        WHERE i.course_id = c.id AND i.user_id = $2))
    AND ($3 = '' OR EXISTS (SELECT 1 FROM roster_entry r
        WHERE r.course_id = c.id AND r.student_id = $3));

-- name: access_session :one
SELECT count(*) AS n FROM session s
WHERE s.id = $1
    AND ($2 = '' OR EXISTS (SELECT 1 FROM course_instructor i
        WHERE i.course_id = s.course_id AND i.user_id = $2))
    AND ($3 = '' OR EXISTS (SELECT 1 FROM roster_entry r
        WHERE r.course_id = s.course_id AND r.student_id = $3));

-- An instructor's students are those on the rosters now.
-- name: access_student :one
SELECT count(*) AS n FROM student s
WHERE s.id = $1
    AND ($2 = '' OR EXISTS (SELECT 1 FROM roster_entry r
        JOIN course_instructor i ON i.course_id = r.course_id
        WHERE r.student_id = s.id AND i.user_id = $2
            AND (r.valid_to IS NULL OR r.valid_to > CAST($4 AS bigint))))
    AND ($3 = '' OR s.id = $3);

-- Who teaches a course.
-- name: instructor_list :many
SELECT u.id, u.login, u.name, i.created_at
FROM course_instructor i JOIN "user" u ON u.id = i.user_id
WHERE i.course_id = $1 ORDER BY u.name, u.id;

-- name: instructor_add :exec
INSERT INTO course_instructor (course_id, user_id, created_at) VALUES ($1, $2, $3)
ON CONFLICT (course_id, user_id) DO NOTHING;

-- name: instructor_remove :exec
DELETE FROM course_instructor WHERE course_id = $1 AND user_id = $2;
