-- Students.

-- name: student_insert :exec
INSERT INTO student (id, external_id, name, email, status, version, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, 1, $6, $7);

-- name: student_by_id :one
SELECT id, external_id, name, email,
    CASE WHEN erased_at > 0 THEN 'erased' ELSE status END AS status, version, created_at, updated_at
FROM student WHERE id = $1;

-- name: student_by_external_id :one
SELECT id, external_id, name, email,
    CASE WHEN erased_at > 0 THEN 'erased' ELSE status END AS status, version, created_at, updated_at
FROM student WHERE external_id = $1;

-- Both lower() fold ASCII alone here.
-- name: student_list :many
-- dialect: sqlite
SELECT id, external_id, name, email,
    CASE WHEN erased_at > 0 THEN 'erased' ELSE status END AS status, version, created_at, updated_at
FROM student
WHERE id > $1 AND ($2 = '' OR instr(lower(name), lower($2)) > 0
    OR instr(lower(external_id), lower($2)) > 0)
    AND ($3 = '' OR id IN (SELECT r.student_id FROM roster_entry r
        JOIN course_instructor i ON i.course_id = r.course_id
        WHERE i.user_id = $3
            AND (r.valid_to IS NULL OR r.valid_to > CAST($6 AS bigint))))
    AND ($4 = '' OR id = $4)
ORDER BY id LIMIT $5;
-- dialect: postgres
SELECT id, external_id, name, email,
    CASE WHEN erased_at > 0 THEN 'erased' ELSE status END AS status, version, created_at, updated_at
FROM student
WHERE id > $1 AND ($2 = '' OR strpos(lower(name COLLATE "C"), lower($2 COLLATE "C")) > 0
    OR strpos(lower(external_id COLLATE "C"), lower($2 COLLATE "C")) > 0)
    AND ($3 = '' OR id IN (SELECT r.student_id FROM roster_entry r
        JOIN course_instructor i ON i.course_id = r.course_id
        WHERE i.user_id = $3
            AND (r.valid_to IS NULL OR r.valid_to > CAST($6 AS bigint))))
    AND ($4 = '' OR id = $4)
ORDER BY id LIMIT $5;

-- Filters and orders of the list: see store/page.h. Both lower() fold ASCII alone.
-- name: student_page :many
-- dialect: sqlite
SELECT id, external_id, name, email,
    CASE WHEN erased_at > 0 THEN 'erased' ELSE status END AS status, version, created_at, updated_at
FROM (SELECT x.*, CASE $1
    WHEN 'name' THEN lower(x.name) WHEN 'external_id' THEN x.external_id ELSE x.id END AS k FROM student x) t
WHERE ($3 = '' OR (CAST($2 AS bigint) = 1 AND (k > $4 OR (k = $4 AND id > $3)))
        OR (CAST($2 AS bigint) = -1 AND (k < $4 OR (k = $4 AND id < $3))))
    AND ($5 = '' OR instr(lower(name), lower($5)) > 0
        OR instr(lower(external_id), lower($5)) > 0
        OR instr(lower(email), lower($5)) > 0)
    AND ($6 = '' OR $6 = CASE WHEN erased_at > 0 THEN 'erased' ELSE status END)
    AND ($7 = '' OR id IN (SELECT student_id FROM roster_entry
        WHERE course_id = $7 AND valid_to IS NULL))
    AND (CAST($8 AS bigint) < 0 OR CAST($8 AS bigint) = CASE WHEN EXISTS (SELECT 1 FROM template p
        WHERE p.student_id = t.id AND p.encoder = $9 AND p.preprocessing = $10) THEN 1 ELSE 0 END)
    AND (CAST($11 AS bigint) < 0 OR CAST($11 AS bigint) = CASE WHEN EXISTS (SELECT 1 FROM consent a
        WHERE a.student_id = t.id AND a.live = 1 AND a.purpose = 'recognition')
        THEN 1 ELSE 0 END)
    AND ($12 = '' OR id IN (SELECT r.student_id FROM roster_entry r
        JOIN course_instructor i ON i.course_id = r.course_id
        WHERE i.user_id = $12 AND r.valid_to IS NULL))
    AND ($13 = '' OR id = $13)
ORDER BY CASE WHEN CAST($2 AS bigint) = 1 THEN k END,
    CASE WHEN CAST($2 AS bigint) = -1 THEN k END DESC,
    CASE WHEN CAST($2 AS bigint) = 1 THEN id END,
    CASE WHEN CAST($2 AS bigint) = -1 THEN id END DESC
LIMIT $14;
-- dialect: postgres
SELECT id, external_id, name, email,
    CASE WHEN erased_at > 0 THEN 'erased' ELSE status END AS status, version, created_at, updated_at
FROM (SELECT x.*, CASE $1
    WHEN 'name' THEN lower(x.name COLLATE "C") WHEN 'external_id' THEN x.external_id ELSE x.id END AS k FROM student x) t
WHERE ($3 = '' OR (CAST($2 AS bigint) = 1 AND (k > $4 OR (k = $4 AND id > $3)))
        OR (CAST($2 AS bigint) = -1 AND (k < $4 OR (k = $4 AND id < $3))))
    AND ($5 = '' OR strpos(lower(name COLLATE "C"), lower($5 COLLATE "C")) > 0
        OR strpos(lower(external_id COLLATE "C"), lower($5 COLLATE "C")) > 0
        OR strpos(lower(email COLLATE "C"), lower($5 COLLATE "C")) > 0)
    AND ($6 = '' OR $6 = CASE WHEN erased_at > 0 THEN 'erased' ELSE status END)
    AND ($7 = '' OR id IN (SELECT student_id FROM roster_entry
        WHERE course_id = $7 AND valid_to IS NULL))
    AND (CAST($8 AS bigint) < 0 OR CAST($8 AS bigint) = CASE WHEN EXISTS (SELECT 1 FROM template p
        WHERE p.student_id = t.id AND p.encoder = $9 AND p.preprocessing = $10) THEN 1 ELSE 0 END)
    AND (CAST($11 AS bigint) < 0 OR CAST($11 AS bigint) = CASE WHEN EXISTS (SELECT 1 FROM consent a
        WHERE a.student_id = t.id AND a.live = 1 AND a.purpose = 'recognition')
        THEN 1 ELSE 0 END)
    AND ($12 = '' OR id IN (SELECT r.student_id FROM roster_entry r
        JOIN course_instructor i ON i.course_id = r.course_id
        WHERE i.user_id = $12 AND r.valid_to IS NULL))
    AND ($13 = '' OR id = $13)
ORDER BY CASE WHEN CAST($2 AS bigint) = 1 THEN k END,
    CASE WHEN CAST($2 AS bigint) = -1 THEN k END DESC,
    CASE WHEN CAST($2 AS bigint) = 1 THEN id END,
    CASE WHEN CAST($2 AS bigint) = -1 THEN id END DESC
LIMIT $14;

-- Students whose newest template was made before $4.
-- name: student_list_stale :many
SELECT id, external_id, name, email,
    CASE WHEN erased_at > 0 THEN 'erased' ELSE status END AS status, version, created_at, updated_at
FROM student s
WHERE id > $1 AND (SELECT MAX(t.created_at) FROM template t
    WHERE t.student_id = s.id AND t.encoder = $2 AND t.preprocessing = $3) < $4
    AND ($5 = '' OR id IN (SELECT r.student_id FROM roster_entry r
        JOIN course_instructor i ON i.course_id = r.course_id
        WHERE i.user_id = $5
            AND (r.valid_to IS NULL OR r.valid_to > CAST($8 AS bigint))))
    AND ($6 = '' OR id = $6)
ORDER BY id LIMIT $7;

-- name: student_update :one
UPDATE student
SET external_id = $2, name = $3, email = $4, status = $5, version = version + 1, updated_at = $6
WHERE id = $1 AND erased_at = 0 AND (CAST($7 AS bigint) = 0 OR version = CAST($7 AS bigint))
RETURNING version;

-- name: student_erased_at :one
SELECT erased_at FROM student WHERE id = $1;

-- name: student_mark_count :one
SELECT count(*) AS n FROM mark WHERE student_id = $1;

-- The courses whose roster changes when the student goes.
-- name: student_roster_bump :exec
UPDATE course SET roster_version = roster_version + 1
WHERE id IN (SELECT course_id FROM roster_entry WHERE student_id = $1);

-- name: student_roster_delete :exec
DELETE FROM roster_entry WHERE student_id = $1;

-- Photos that wait for a verdict go with their student.
-- name: student_jobs_delete :exec
DELETE FROM job WHERE subject = $1;

-- name: student_delete :exec
DELETE FROM student WHERE id = $1;
