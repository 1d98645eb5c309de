-- When a course meets week by week, in the time of its site; the sessions made from that.

-- weekday 1 Monday to 7 Sunday; start_minute of the local day; a sitting ends on the day it began.
CREATE TABLE timetable (
    id TEXT NOT NULL PRIMARY KEY,
    course_id TEXT NOT NULL REFERENCES course (id) ON DELETE CASCADE,
    site_id TEXT NOT NULL REFERENCES site (id),
    room_id TEXT,
    title TEXT NOT NULL,
    weekday INTEGER NOT NULL,
    start_minute INTEGER NOT NULL,
    minutes INTEGER NOT NULL,
    first_day INTEGER NOT NULL,
    last_day INTEGER NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT timetable_room FOREIGN KEY (room_id, site_id) REFERENCES room (id, site_id),
    CONSTRAINT timetable_id CHECK (length(id) = 36),
    CONSTRAINT timetable_title_length CHECK (length(CAST(title AS BLOB)) <= 200),
    CONSTRAINT timetable_weekday CHECK (weekday BETWEEN 1 AND 7),
    CONSTRAINT timetable_clock CHECK (start_minute BETWEEN 0 AND 1439 AND minutes BETWEEN 1 AND 1440
        AND start_minute + minutes <= 1440),
    CONSTRAINT timetable_days CHECK (first_day >= 0 AND last_day BETWEEN first_day AND 84005)
) STRICT;
CREATE INDEX timetable_course ON timetable (course_id, id);
CREATE INDEX timetable_in_room ON timetable (room_id, weekday) WHERE room_id IS NOT NULL;
CREATE INDEX timetable_site ON timetable (site_id, id);

ALTER TABLE session ADD COLUMN room_id TEXT REFERENCES room (id);
ALTER TABLE session ADD COLUMN timetable_id TEXT REFERENCES timetable (id) ON DELETE SET NULL;
CREATE INDEX session_room ON session (room_id, planned_start) WHERE room_id IS NOT NULL;
CREATE INDEX session_timetable ON session (timetable_id) WHERE timetable_id IS NOT NULL;

-- Which session a day of a timetable became, and the version it had when it was written last: a
-- session of another version was touched by a person and is left alone. Without a session: a person
-- deleted it, and it is not made again.
CREATE TABLE timetable_day (
    timetable_id TEXT NOT NULL REFERENCES timetable (id) ON DELETE CASCADE,
    day INTEGER NOT NULL,
    session_id TEXT REFERENCES session (id) ON DELETE SET NULL,
    made_version INTEGER NOT NULL,
    PRIMARY KEY (timetable_id, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX timetable_day_session ON timetable_day (session_id) WHERE session_id IS NOT NULL;
