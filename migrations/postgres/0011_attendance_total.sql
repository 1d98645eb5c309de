-- What reports count: a row for each student of a course with a mark, kept by triggers, so that it
-- is right whoever writes the marks. The triggers run once a statement, in the order of the key.
CREATE TABLE attendance_total (
    student_id text COLLATE "C" NOT NULL REFERENCES student (id) ON DELETE CASCADE,
    course_id text COLLATE "C" NOT NULL REFERENCES course (id) ON DELETE CASCADE,
    present bigint NOT NULL,
    late bigint NOT NULL,
    left_early bigint NOT NULL,
    absent bigint NOT NULL,
    excused bigint NOT NULL,
    PRIMARY KEY (student_id, course_id),
    CONSTRAINT attendance_total_counts CHECK (present >= 0 AND late >= 0 AND left_early >= 0
        AND absent >= 0 AND excused >= 0)
);
CREATE INDEX attendance_total_course ON attendance_total (course_id, student_id);

INSERT INTO attendance_total (student_id, course_id, present, late, left_early, absent, excused)
SELECT m.student_id, s.course_id, count(*) FILTER (WHERE m.status = 'present'),
    count(*) FILTER (WHERE m.status = 'late'), count(*) FILTER (WHERE m.status = 'left-early'),
    count(*) FILTER (WHERE m.status = 'absent'), count(*) FILTER (WHERE m.status = 'excused')
FROM mark m JOIN session s ON s.id = m.session_id
GROUP BY m.student_id, s.course_id;

CREATE FUNCTION attendance_total_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO attendance_total AS t
        (student_id, course_id, present, late, left_early, absent, excused)
    SELECT m.student_id, s.course_id, count(*) FILTER (WHERE m.status = 'present'),
        count(*) FILTER (WHERE m.status = 'late'), count(*) FILTER (WHERE m.status = 'left-early'),
        count(*) FILTER (WHERE m.status = 'absent'), count(*) FILTER (WHERE m.status = 'excused')
    FROM new_marks m JOIN session s ON s.id = m.session_id
    GROUP BY m.student_id, s.course_id ORDER BY m.student_id, s.course_id
    ON CONFLICT (student_id, course_id) DO UPDATE
    SET present = t.present + excluded.present, late = t.late + excluded.late,
        left_early = t.left_early + excluded.left_early, absent = t.absent + excluded.absent,
        excused = t.excused + excluded.excused;
    RETURN NULL;
END $$;

CREATE FUNCTION attendance_total_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT student_id, session_id FROM new_marks
        EXCEPT SELECT student_id, session_id FROM old_marks) THEN
        RAISE EXCEPTION 'mark_stays' USING ERRCODE = 'check_violation', CONSTRAINT = 'mark_stays';
    END IF;
    PERFORM 1 FROM attendance_total t WHERE EXISTS (SELECT 1 FROM new_marks n
        JOIN old_marks o ON o.session_id = n.session_id AND o.student_id = n.student_id
        JOIN session s ON s.id = n.session_id
        WHERE n.status <> o.status AND n.student_id = t.student_id AND s.course_id = t.course_id)
    ORDER BY t.student_id, t.course_id FOR UPDATE;
    UPDATE attendance_total t
    SET present = t.present + d.present, late = t.late + d.late,
        left_early = t.left_early + d.left_early, absent = t.absent + d.absent,
        excused = t.excused + d.excused
    FROM (SELECT m.student_id, s.course_id,
            COALESCE(sum(m.n) FILTER (WHERE m.status = 'present'), 0)::bigint AS present,
            COALESCE(sum(m.n) FILTER (WHERE m.status = 'late'), 0)::bigint AS late,
            COALESCE(sum(m.n) FILTER (WHERE m.status = 'left-early'), 0)::bigint AS left_early,
            COALESCE(sum(m.n) FILTER (WHERE m.status = 'absent'), 0)::bigint AS absent,
            COALESCE(sum(m.n) FILTER (WHERE m.status = 'excused'), 0)::bigint AS excused
        FROM (SELECT student_id, session_id, status, 1 AS n FROM new_marks
            UNION ALL SELECT student_id, session_id, status, -1 FROM old_marks) m
        JOIN session s ON s.id = m.session_id
        GROUP BY m.student_id, s.course_id) d
    WHERE t.student_id = d.student_id AND t.course_id = d.course_id
        AND (d.present <> 0 OR d.late <> 0 OR d.left_early <> 0 OR d.absent <> 0 OR d.excused <> 0);
    RETURN NULL;
END $$;

CREATE FUNCTION attendance_total_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE attendance_total t
    SET present = t.present - d.present, late = t.late - d.late,
        left_early = t.left_early - d.left_early, absent = t.absent - d.absent,
        excused = t.excused - d.excused
    FROM (SELECT m.student_id, s.course_id, count(*) FILTER (WHERE m.status = 'present') AS present,
            count(*) FILTER (WHERE m.status = 'late') AS late,
            count(*) FILTER (WHERE m.status = 'left-early') AS left_early,
            count(*) FILTER (WHERE m.status = 'absent') AS absent,
            count(*) FILTER (WHERE m.status = 'excused') AS excused
        FROM old_marks m JOIN session s ON s.id = m.session_id
        GROUP BY m.student_id, s.course_id) d
    WHERE t.student_id = d.student_id AND t.course_id = d.course_id;
    RETURN NULL;
END $$;

CREATE TRIGGER attendance_total_added AFTER INSERT ON mark
    REFERENCING NEW TABLE AS new_marks
    FOR EACH STATEMENT EXECUTE FUNCTION attendance_total_added();
CREATE TRIGGER attendance_total_changed AFTER UPDATE ON mark
    REFERENCING NEW TABLE AS new_marks OLD TABLE AS old_marks
    FOR EACH STATEMENT EXECUTE FUNCTION attendance_total_changed();
CREATE TRIGGER attendance_total_removed AFTER DELETE ON mark
    REFERENCING OLD TABLE AS old_marks
    FOR EACH STATEMENT EXECUTE FUNCTION attendance_total_removed();

-- All that a report over a student's marks reads lies in the index.
DROP INDEX mark_student;
CREATE INDEX mark_student ON mark (student_id, session_id, status);

-- When the register was last verified, and what was found.
CREATE TABLE register_verification (
    id bigint NOT NULL PRIMARY KEY,
    verified_at bigint NOT NULL,
    chains bigint NOT NULL,
    events bigint NOT NULL,
    marks bigint NOT NULL,
    findings bigint NOT NULL,
    CONSTRAINT register_verification_one CHECK (id = 1)
);
