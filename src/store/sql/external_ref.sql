-- How other systems name students and courses.

-- name: external_ref_each :stream
SELECT kind, external, COALESCE(student_id, course_id) AS id FROM external_ref WHERE system = $1;

-- name: external_ref_put_student :exec
INSERT INTO external_ref (system, kind, external, student_id, course_id, created_at)
VALUES ($1, 'student', $2, $3, NULL, $4)
ON CONFLICT (system, kind, external) DO UPDATE SET student_id = excluded.student_id;

-- name: external_ref_put_course :exec
INSERT INTO external_ref (system, kind, external, student_id, course_id, created_at)
VALUES ($1, 'course', $2, NULL, $3, $4)
ON CONFLICT (system, kind, external) DO UPDATE SET course_id = excluded.course_id;
