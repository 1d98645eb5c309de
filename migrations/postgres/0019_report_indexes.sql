-- Totals of a course are read from the index alone.
DROP INDEX attendance_total_course;
CREATE INDEX attendance_total_course ON attendance_total
    (course_id, student_id, present, late, left_early, absent, excused);
