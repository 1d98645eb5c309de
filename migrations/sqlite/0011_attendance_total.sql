-- What reports count: a row for each student of a course with a mark, kept by triggers, so that it
-- is right whoever writes the marks.
CREATE TABLE attendance_total (
    student_id TEXT NOT NULL REFERENCES student (id) ON DELETE CASCADE,
    course_id TEXT NOT NULL REFERENCES course (id) ON DELETE CASCADE,
    present INTEGER NOT NULL,
    late INTEGER NOT NULL,
    left_early INTEGER NOT NULL,
    absent INTEGER NOT NULL,
    excused INTEGER NOT NULL,
    PRIMARY KEY (student_id, course_id),
    CONSTRAINT attendance_total_counts CHECK (present >= 0 AND late >= 0 AND left_early >= 0
        AND absent >= 0 AND excused >= 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX attendance_total_course ON attendance_total (course_id, student_id);

INSERT INTO attendance_total (student_id, course_id, present, late, left_early, absent, excused)
SELECT m.student_id, s.course_id, sum(m.status = 'present'), sum(m.status = 'late'),
    sum(m.status = 'left-early'), sum(m.status = 'absent'), sum(m.status = 'excused')
FROM mark m JOIN session s ON s.id = m.session_id
GROUP BY m.student_id, s.course_id;

CREATE TRIGGER attendance_total_added AFTER INSERT ON mark BEGIN
    INSERT INTO attendance_total (student_id, course_id, present, late, left_early, absent, excused)
    SELECT NEW.student_id, s.course_id, 0, 0, 0, 0, 0 FROM session s
    WHERE s.id = NEW.session_id AND NOT EXISTS (SELECT 1 FROM attendance_total t
        WHERE t.student_id = NEW.student_id AND t.course_id = s.course_id);
    UPDATE attendance_total
    SET present = present + (NEW.status = 'present'), late = late + (NEW.status = 'late'),
        left_early = left_early + (NEW.status = 'left-early'),
        absent = absent + (NEW.status = 'absent'), excused = excused + (NEW.status = 'excused')
    WHERE student_id = NEW.student_id
        AND course_id = (SELECT course_id FROM session WHERE id = NEW.session_id);
END;

CREATE TRIGGER attendance_total_changed AFTER UPDATE OF status ON mark
WHEN NEW.status <> OLD.status BEGIN
    UPDATE attendance_total
    SET present = present + (NEW.status = 'present') - (OLD.status = 'present'),
        late = late + (NEW.status = 'late') - (OLD.status = 'late'),
        left_early = left_early + (NEW.status = 'left-early') - (OLD.status = 'left-early'),
        absent = absent + (NEW.status = 'absent') - (OLD.status = 'absent'),
        excused = excused + (NEW.status = 'excused') - (OLD.status = 'excused')
    WHERE student_id = NEW.student_id
        AND course_id = (SELECT course_id FROM session WHERE id = NEW.session_id);
END;

CREATE TRIGGER attendance_total_removed AFTER DELETE ON mark BEGIN
    UPDATE attendance_total
    SET present = present - (OLD.status = 'present'), late = late - (OLD.status = 'late'),
        left_early = left_early - (OLD.status = 'left-early'),
        absent = absent - (OLD.status = 'absent'), excused = excused - (OLD.status = 'excused')
    WHERE student_id = OLD.student_id
        AND course_id = (SELECT course_id FROM session WHERE id = OLD.session_id);
END;

-- Whose mark it is and of which session never changes: the counts rely on it.
CREATE TRIGGER mark_stays BEFORE UPDATE OF session_id, student_id ON mark
WHEN NEW.session_id <> OLD.session_id OR NEW.student_id <> OLD.student_id BEGIN
    SELECT RAISE(ABORT, 'mark_stays');
END;

-- All that a report over a student's marks reads lies in the index.
DROP INDEX mark_student;
CREATE INDEX mark_student ON mark (student_id, session_id, status);

-- When the register was last verified, and what was found.
CREATE TABLE register_verification (
    id INTEGER NOT NULL PRIMARY KEY,
    verified_at INTEGER NOT NULL,
    chains INTEGER NOT NULL,
    events INTEGER NOT NULL,
    marks INTEGER NOT NULL,
    findings INTEGER NOT NULL,
    CONSTRAINT register_verification_one CHECK (id = 1)
) STRICT;
