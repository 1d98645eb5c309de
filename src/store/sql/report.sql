-- Reports: who was there, counted. A session's time is its planned start, else its start, else when
-- it was made. Periods are [from, to) with 0 for no limit; weekday is 1 (Monday) to 7, 0 for any,
-- on the wall of a time zone (local_weekday is a function of both databases). Pages follow
-- external_id, or a session's time and id.

-- Everybody on the roster at $3, and who has a mark.
-- name: report_session_rows :many
SELECT st.id, st.external_id, st.name, m.status, m.first_seen, m.last_seen,
    (SELECT count(*) FROM presence p
        WHERE p.session_id = $1 AND p.student_id = st.id) AS minutes
FROM student st LEFT JOIN mark m ON m.session_id = $1 AND m.student_id = st.id
WHERE st.id IN (SELECT r.student_id FROM roster_entry r
        WHERE r.course_id = $2 AND r.valid_from <= CAST($3 AS bigint)
            AND (r.valid_to IS NULL OR r.valid_to > CAST($3 AS bigint))
        UNION SELECT student_id FROM mark WHERE session_id = $1)
    AND st.external_id > $4
ORDER BY st.external_id LIMIT $5;

-- name: report_session_counts :many
SELECT status, count(*) AS n FROM mark WHERE session_id = $1 GROUP BY status ORDER BY status;

-- Without those that did not take place; they have no marks.
-- name: report_course_sessions :many
SELECT s.id, s.title, s.status, s.at, s.started_at
FROM (SELECT id, title, status, started_at, CASE WHEN planned_start > 0 THEN planned_start
            WHEN started_at > 0 THEN started_at ELSE created_at END AS at
        FROM session WHERE course_id = $1 AND status <> 'cancelled') s
WHERE s.at >= CAST($2 AS bigint) AND (CAST($3 AS bigint) = 0 OR s.at < CAST($3 AS bigint))
    AND (CAST($4 AS bigint) = 0
        OR local_weekday(s.at, $5) = CAST($4 AS bigint))
ORDER BY s.at, s.id LIMIT $6;

-- A page of the course's students, each with their marks in it; without one, one row.
-- name: report_course_marks :many
SELECT st.id, st.external_id, st.name, m.session_id, m.status, m.first_seen
FROM (SELECT id, external_id, name FROM student
        WHERE id IN (SELECT student_id FROM roster_entry WHERE course_id = $1)
            AND external_id > $2
        ORDER BY external_id LIMIT $3) st
LEFT JOIN mark m ON m.student_id = st.id
    AND m.session_id IN (SELECT id FROM session WHERE course_id = $1)
ORDER BY st.external_id;

-- Sessions that went on while the student was in the course, with the mark there, if any.
-- name: report_student_rows :many
SELECT s.id, s.at, s.title, s.status AS session_status, s.started_at, c.code, c.title AS course_title,
    c.term, m.status, m.first_seen, m.last_seen,
    (SELECT count(*) FROM presence p
        WHERE p.session_id = s.id AND p.student_id = $1) AS minutes
FROM (SELECT id, course_id, title, status, started_at, CASE WHEN planned_start > 0 THEN planned_start
            WHEN started_at > 0 THEN started_at ELSE created_at END AS at
        FROM session
        WHERE course_id IN (SELECT course_id FROM roster_entry WHERE student_id = $1)) s
JOIN course c ON c.id = s.course_id
LEFT JOIN mark m ON m.session_id = s.id AND m.student_id = $1
WHERE (m.status IS NOT NULL OR s.status = 'active') AND ($2 = '' OR c.id = $2)
    AND ($10 = '' OR EXISTS (SELECT 1 FROM course_instructor i
            WHERE i.course_id = c.id AND i.user_id = $10))
    AND s.at >= CAST($3 AS bigint) AND (CAST($4 AS bigint) = 0 OR s.at < CAST($4 AS bigint))
    AND (CAST($5 AS bigint) = 0
        OR local_weekday(s.at, $6) = CAST($5 AS bigint))
    AND (s.at > CAST($7 AS bigint) OR (s.at = CAST($7 AS bigint) AND s.id > $8))
ORDER BY s.at, s.id LIMIT $9;

-- name: report_student_courses :many
SELECT c.id, c.code, c.title, c.term, m.status, count(*) AS n
FROM mark m
JOIN (SELECT id, course_id, CASE WHEN planned_start > 0 THEN planned_start
            WHEN started_at > 0 THEN started_at ELSE created_at END AS at FROM session) s
    ON s.id = m.session_id
JOIN course c ON c.id = s.course_id
WHERE m.student_id = $1 AND ($2 = '' OR c.id = $2)
    AND ($7 = '' OR EXISTS (SELECT 1 FROM course_instructor i
            WHERE i.course_id = c.id AND i.user_id = $7))
    AND s.at >= CAST($3 AS bigint) AND (CAST($4 AS bigint) = 0 OR s.at < CAST($4 AS bigint))
    AND (CAST($5 AS bigint) = 0
        OR local_weekday(s.at, $6) = CAST($5 AS bigint))
GROUP BY c.id, c.code, c.title, c.term, m.status ORDER BY c.code, c.id, m.status;

-- name: report_term_counts :one
SELECT count(*) AS courses, CAST(COALESCE(sum((SELECT count(*) FROM session s
    WHERE s.course_id = c.id AND s.status <> 'cancelled')), 0) AS bigint) AS sessions
FROM course c
WHERE c.term = $1 AND ($2 = '' OR c.id = $2)
    AND ($3 = '' OR EXISTS (SELECT 1 FROM course_instructor i
            WHERE i.course_id = c.id AND i.user_id = $3));

-- How far a page of students reaches.
-- name: report_term_page :one
SELECT max(external_id) AS last, count(*) AS n
FROM (SELECT external_id FROM student WHERE external_id > $1 ORDER BY external_id LIMIT $2) p;

-- Those students (external_id in ($3, $4]); n = 0 without a mark in the term. COALESCE keeps the
-- courses from becoming the key that is searched by.
-- name: report_term_students :many
SELECT min(st.id) AS id, st.external_id, min(st.name) AS name, count(t.course_id) AS n,
    CAST(COALESCE(sum(t.present), 0) AS bigint) AS present,
    CAST(COALESCE(sum(t.late), 0) AS bigint) AS late,
    CAST(COALESCE(sum(t.left_early), 0) AS bigint) AS left_early,
    CAST(COALESCE(sum(t.absent), 0) AS bigint) AS absent,
    CAST(COALESCE(sum(t.excused), 0) AS bigint) AS excused
FROM student st
LEFT JOIN attendance_total t ON t.student_id = st.id
    AND COALESCE(t.course_id, '') IN (SELECT c.id FROM course c
        WHERE c.term = $1 AND ($2 = '' OR c.id = $2)
            AND ($5 = '' OR EXISTS (SELECT 1 FROM course_instructor i
                WHERE i.course_id = c.id AND i.user_id = $5)))
WHERE st.external_id > $3 AND st.external_id <= $4
GROUP BY st.external_id ORDER BY st.external_id;

-- Those of all students with less than $6 percent; counted by student before any name is read.
-- name: report_term_below :many
SELECT st.id, st.external_id, st.name, t.n, t.present, t.late, t.left_early, t.absent, t.excused
FROM (SELECT student_id, count(*) AS n, CAST(sum(present) AS bigint) AS present,
        CAST(sum(late) AS bigint) AS late, CAST(sum(left_early) AS bigint) AS left_early,
        CAST(sum(absent) AS bigint) AS absent, CAST(sum(excused) AS bigint) AS excused
    FROM attendance_total
    WHERE COALESCE(course_id, '') IN (SELECT c.id FROM course c
        WHERE c.term = $1 AND ($2 = '' OR c.id = $2)
            AND ($3 = '' OR EXISTS (SELECT 1 FROM course_instructor i
                WHERE i.course_id = c.id AND i.user_id = $3)))
    GROUP BY student_id
    HAVING 100 * sum(present + late + left_early)
        < CAST($6 AS double precision) * sum(present + late + left_early + absent)) t
JOIN student st ON st.id = t.student_id
WHERE st.external_id > $4
ORDER BY st.external_id LIMIT $5;

-- report_term_students, counted from the marks of some sessions.
-- name: report_term_students_when :many
SELECT min(st.id) AS id, st.external_id, min(st.name) AS name, count(m.session_id) AS n,
    count(CASE WHEN m.status = 'present' THEN 1 END) AS present,
    count(CASE WHEN m.status = 'late' THEN 1 END) AS late,
    count(CASE WHEN m.status = 'left-early' THEN 1 END) AS left_early,
    count(CASE WHEN m.status = 'absent' THEN 1 END) AS absent,
    count(CASE WHEN m.status = 'excused' THEN 1 END) AS excused
FROM student st
LEFT JOIN mark m ON m.student_id = st.id AND COALESCE(m.session_id, '') IN (SELECT s.id
    FROM (SELECT id, course_id, CASE WHEN planned_start > 0 THEN planned_start
            WHEN started_at > 0 THEN started_at ELSE created_at END AS at FROM session) s
    JOIN course c ON c.id = s.course_id
    WHERE c.term = $1 AND ($2 = '' OR c.id = $2)
        AND ($5 = '' OR EXISTS (SELECT 1 FROM course_instructor i
            WHERE i.course_id = c.id AND i.user_id = $5))
        AND s.at >= CAST($6 AS bigint) AND (CAST($7 AS bigint) = 0 OR s.at < CAST($7 AS bigint))
        AND (CAST($8 AS bigint) = 0
            OR local_weekday(s.at, $9) = CAST($8 AS bigint)))
WHERE st.external_id > $3 AND st.external_id <= $4
GROUP BY st.external_id ORDER BY st.external_id;

-- A page of the term's courses.
-- name: report_term_course_page :one
SELECT max(code) AS last, count(*) AS n
FROM (SELECT c.code FROM course c
    WHERE c.term = $1 AND ($2 = '' OR c.id = $2)
        AND ($3 = '' OR EXISTS (SELECT 1 FROM course_instructor i
            WHERE i.course_id = c.id AND i.user_id = $3))
        AND c.code > $4
    ORDER BY c.code LIMIT $5) p;

-- name: report_term_courses :many
SELECT min(c.id) AS id, c.code, min(c.title) AS title, count(t.student_id) AS n,
    CAST(COALESCE(sum(t.present), 0) AS bigint) AS present,
    CAST(COALESCE(sum(t.late), 0) AS bigint) AS late,
    CAST(COALESCE(sum(t.left_early), 0) AS bigint) AS left_early,
    CAST(COALESCE(sum(t.absent), 0) AS bigint) AS absent,
    CAST(COALESCE(sum(t.excused), 0) AS bigint) AS excused
FROM course c LEFT JOIN attendance_total t ON t.course_id = c.id
WHERE c.term = $1 AND ($2 = '' OR c.id = $2) AND c.code > $3 AND c.code <= $4
    AND ($5 = '' OR EXISTS (SELECT 1 FROM course_instructor i
        WHERE i.course_id = c.id AND i.user_id = $5))
GROUP BY c.code ORDER BY c.code;

-- name: report_term_courses_when :many
SELECT min(c.id) AS id, c.code, min(c.title) AS title, count(DISTINCT m.student_id) AS n,
    count(CASE WHEN m.status = 'present' THEN 1 END) AS present,
    count(CASE WHEN m.status = 'late' THEN 1 END) AS late,
    count(CASE WHEN m.status = 'left-early' THEN 1 END) AS left_early,
    count(CASE WHEN m.status = 'absent' THEN 1 END) AS absent,
    count(CASE WHEN m.status = 'excused' THEN 1 END) AS excused
FROM course c
LEFT JOIN (SELECT id, course_id, CASE WHEN planned_start > 0 THEN planned_start
            WHEN started_at > 0 THEN started_at ELSE created_at END AS at FROM session) s
    ON s.course_id = c.id
    AND s.at >= CAST($6 AS bigint) AND (CAST($7 AS bigint) = 0 OR s.at < CAST($7 AS bigint))
    AND (CAST($8 AS bigint) = 0
        OR local_weekday(s.at, $9) = CAST($8 AS bigint))
LEFT JOIN mark m ON m.session_id = s.id
WHERE c.term = $1 AND ($2 = '' OR c.id = $2) AND c.code > $3 AND c.code <= $4
    AND ($5 = '' OR EXISTS (SELECT 1 FROM course_instructor i
        WHERE i.course_id = c.id AND i.user_id = $5))
GROUP BY c.code ORDER BY c.code;

-- The time zone of a session's room ($1), else of the course's newest session with a room, else of
-- the course's term ($2), else of the first site.
-- name: report_zone :many
SELECT si.tz FROM site si
LEFT JOIN (SELECT 0 AS place, r.site_id FROM session s JOIN room r ON r.id = s.room_id
        WHERE s.id = $1
    UNION ALL SELECT 1, n.site_id FROM (SELECT r.site_id FROM session s
            JOIN room r ON r.id = s.room_id WHERE s.course_id = $2
            ORDER BY s.id DESC LIMIT 1) n
    UNION ALL SELECT 2, t.site_id FROM course c JOIN term t ON t.id = c.term_id
        WHERE c.id = $2) p ON p.site_id = si.id
ORDER BY COALESCE(p.place, 3), si.id LIMIT 1;

-- name: register_verification_set :exec
INSERT INTO register_verification (id, verified_at, chains, events, marks, findings)
VALUES (1, $1, $2, $3, $4, $5)
ON CONFLICT (id) DO UPDATE
SET verified_at = excluded.verified_at, chains = excluded.chains, events = excluded.events,
    marks = excluded.marks, findings = excluded.findings;

-- name: register_signed_set :exec
INSERT INTO register_verification (id, verified_at, chains, events, marks, findings, signed_at)
VALUES (1, 0, 0, 0, 0, 0, $1)
ON CONFLICT (id) DO UPDATE SET signed_at = excluded.signed_at;

-- name: register_verification_get :many
SELECT verified_at, chains, events, marks, findings, signed_at FROM register_verification WHERE id = 1;
