-- Courses and rosters.

-- name: course_insert :exec
INSERT INTO course (id, code, title, term, confirmations, late_after_min, roster_version, version,
    created_at, updated_at, early_before_min, minutes_needed, sweeps, sweeps_needed)
VALUES ($1, $2, $3, $4, $5, $6, 1, 1, $7, $8, $9, $10, $11, $12);

-- name: course_by_id :one
SELECT id, code, title, term, confirmations, late_after_min, early_before_min, minutes_needed,
    sweeps, sweeps_needed, term_id, version, created_at, updated_at
FROM course WHERE id = $1;

-- name: course_list :many
SELECT id, code, title, term, confirmations, late_after_min, early_before_min, minutes_needed,
    sweeps, sweeps_needed, term_id, version, created_at, updated_at
FROM course
WHERE id > $1
    AND ($2 = '' OR id IN (SELECT course_id FROM course_instructor WHERE user_id = $2))
    AND ($3 = '' OR id IN (SELECT course_id FROM roster_entry WHERE student_id = $3))
ORDER BY id LIMIT $4;

-- Filters and orders of the list: see store/page.h. Both lower() fold ASCII alone.
-- name: course_page :many
-- dialect: sqlite
SELECT id, code, title, term, confirmations, late_after_min, early_before_min, minutes_needed,
    sweeps, sweeps_needed, term_id, version, created_at, updated_at
FROM (SELECT x.*, CASE $1
    WHEN 'code' THEN x.code WHEN 'title' THEN lower(x.title) ELSE x.id END AS k FROM course x) t
WHERE ($3 = '' OR (CAST($2 AS bigint) = 1 AND (k > $4 OR (k = $4 AND id > $3)))
        OR (CAST($2 AS bigint) = -1 AND (k < $4 OR (k = $4 AND id < $3))))
    AND ($5 = '' OR instr(lower(code), lower($5)) > 0
        OR instr(lower(title), lower($5)) > 0)
    AND ($6 = '' OR term = $6)
    AND ($7 = '' OR id IN (SELECT course_id FROM course_instructor WHERE user_id = $7))
    AND ($8 = '' OR id IN (SELECT course_id FROM course_instructor WHERE user_id = $8))
    AND ($9 = '' OR id IN (SELECT course_id FROM roster_entry WHERE student_id = $9))
ORDER BY CASE WHEN CAST($2 AS bigint) = 1 THEN k END,
    CASE WHEN CAST($2 AS bigint) = -1 THEN k END DESC,
    CASE WHEN CAST($2 AS bigint) = 1 THEN id END,
    CASE WHEN CAST($2 AS bigint) = -1 THEN id END DESC
LIMIT $10;
-- dialect: postgres
SELECT id, code, title, term, confirmations, late_after_min, early_before_min, minutes_needed,
    sweeps, sweeps_needed, term_id, version, created_at, updated_at
FROM (SELECT x.*, CASE $1
    WHEN 'code' THEN x.code WHEN 'title' THEN lower(x.title COLLATE "C") ELSE x.id END AS k FROM course x) t
WHERE ($3 = '' OR (CAST($2 AS bigint) = 1 AND (k > $4 OR (k = $4 AND id > $3)))
        OR (CAST($2 AS bigint) = -1 AND (k < $4 OR (k = $4 AND id < $3))))
    AND ($5 = '' OR strpos(lower(code COLLATE "C"), lower($5 COLLATE "C")) > 0
        OR strpos(lower(title COLLATE "C"), lower($5 COLLATE "C")) > 0)
    AND ($6 = '' OR term = $6)
    AND ($7 = '' OR id IN (SELECT course_id FROM course_instructor WHERE user_id = $7))
    AND ($8 = '' OR id IN (SELECT course_id FROM course_instructor WHERE user_id = $8))
    AND ($9 = '' OR id IN (SELECT course_id FROM roster_entry WHERE student_id = $9))
ORDER BY CASE WHEN CAST($2 AS bigint) = 1 THEN k END,
    CASE WHEN CAST($2 AS bigint) = -1 THEN k END DESC,
    CASE WHEN CAST($2 AS bigint) = 1 THEN id END,
    CASE WHEN CAST($2 AS bigint) = -1 THEN id END DESC
LIMIT $10;

-- name: course_update :one
UPDATE course
SET code = $2, title = $3, term = $4, confirmations = $5, late_after_min = $6,
    version = version + 1, updated_at = $7, early_before_min = $9, minutes_needed = $10,
    sweeps = $11, sweeps_needed = $12
WHERE id = $1 AND (CAST($8 AS bigint) = 0 OR version = CAST($8 AS bigint))
RETURNING version;

-- name: course_set_term :exec
UPDATE course SET term_id = $2 WHERE id = $1;

-- name: course_session_count :one
SELECT count(*) AS n FROM session WHERE course_id = $1;

-- name: course_roster_delete :exec
DELETE FROM roster_entry WHERE course_id = $1;

-- name: course_delete :exec
DELETE FROM course WHERE id = $1;

-- name: roster_add :exec
INSERT INTO roster_entry (id, course_id, student_id, valid_from, valid_to)
VALUES ($1, $2, $3, $4, NULL)
ON CONFLICT (course_id, student_id) WHERE valid_to IS NULL DO NOTHING;

-- name: roster_remove :exec
UPDATE roster_entry
SET valid_to = CASE WHEN valid_from > CAST($3 AS bigint) THEN valid_from
    ELSE CAST($3 AS bigint) END
WHERE course_id = $1 AND student_id = $2
    AND (valid_to IS NULL OR valid_to > CAST($3 AS bigint));

-- name: roster_bump :exec
UPDATE course SET roster_version = roster_version + 1 WHERE id = $1;

-- name: roster_version :one
SELECT roster_version FROM course WHERE id = $1;

-- Each student once, by the newest row: rows of one student may overlap.
-- name: roster_list :many
SELECT s.id AS student_id, s.external_id, s.name, r.valid_from, r.valid_to,
    (SELECT count(*) FROM template t
     WHERE t.student_id = s.id AND t.encoder = $3 AND t.preprocessing = $4) AS templates
FROM roster_entry r JOIN student s ON s.id = r.student_id
WHERE r.course_id = $1 AND r.valid_from <= $2 AND (r.valid_to IS NULL OR r.valid_to > $5)
    AND NOT EXISTS (SELECT 1 FROM roster_entry n
        WHERE n.course_id = r.course_id AND n.student_id = r.student_id AND n.valid_from <= $2
        AND (n.valid_to IS NULL OR n.valid_to > $5)
        AND (n.valid_from > r.valid_from OR (n.valid_from = r.valid_from AND n.id > r.id)))
ORDER BY s.name, s.id;

-- name: roster_has :one
SELECT count(*) AS n FROM roster_entry
WHERE course_id = $1 AND student_id = $2 AND valid_from <= $3
    AND (valid_to IS NULL OR valid_to > $3);

-- name: roster_ids :many
SELECT DISTINCT student_id FROM roster_entry
WHERE course_id = $1 AND valid_from <= $2 AND (valid_to IS NULL OR valid_to > $2)
ORDER BY student_id;

-- name: roster_sizes :many
SELECT count(*) AS n FROM roster_entry WHERE valid_to IS NULL GROUP BY course_id ORDER BY n;
