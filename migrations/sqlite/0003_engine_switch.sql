-- Which engine decides, which one is beside it during a switch, and what that one has shown.

-- `configured` is what the configuration asked for when the active one was last agreed.
CREATE TABLE engine (
    role TEXT NOT NULL PRIMARY KEY,
    detector TEXT NOT NULL,
    encoder TEXT NOT NULL,
    preprocessing TEXT NOT NULL,
    model_precision TEXT NOT NULL,
    device TEXT NOT NULL,
    CONSTRAINT engine_role CHECK (role IN ('active', 'shadow', 'configured'))
) STRICT;

-- One row. generation grows with each change of the roles; the counts began with it.
CREATE TABLE engine_switch (
    id INTEGER NOT NULL PRIMARY KEY,
    generation INTEGER NOT NULL,
    phase TEXT NOT NULL,
    since INTEGER NOT NULL,
    frames INTEGER NOT NULL,
    faces INTEGER NOT NULL,
    agreed INTEGER NOT NULL,
    nobody INTEGER NOT NULL,
    lost INTEGER NOT NULL,
    gained INTEGER NOT NULL,
    other INTEGER NOT NULL,
    only_active INTEGER NOT NULL,
    only_shadow INTEGER NOT NULL,
    active_score REAL NOT NULL,
    shadow_score REAL NOT NULL,
    active_spare REAL NOT NULL,
    shadow_spare REAL NOT NULL,
    CONSTRAINT engine_switch_one CHECK (id = 1),
    CONSTRAINT engine_switch_phase CHECK (phase IN ('none', 'trial', 'committed'))
) STRICT;

-- Who would be decided differently: a row a student at most, which goes with the student.
CREATE TABLE engine_difference (
    student_id TEXT NOT NULL PRIMARY KEY REFERENCES student (id) ON DELETE CASCADE,
    other_id TEXT REFERENCES student (id) ON DELETE SET NULL,
    lost INTEGER NOT NULL,
    gained INTEGER NOT NULL,
    other INTEGER NOT NULL,
    active_score REAL NOT NULL,
    shadow_score REAL NOT NULL,
    last_seen INTEGER NOT NULL
) STRICT;
CREATE INDEX engine_difference_other ON engine_difference (other_id);
