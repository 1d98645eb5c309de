-- Which engine decides, which one is beside it during a switch, and what that one has shown.

-- `configured` is what the configuration asked for when the active one was last agreed.
CREATE TABLE engine (
    role text COLLATE "C" NOT NULL PRIMARY KEY,
    detector text COLLATE "C" NOT NULL,
    encoder text COLLATE "C" NOT NULL,
    preprocessing text COLLATE "C" NOT NULL,
    model_precision text COLLATE "C" NOT NULL,
    device text COLLATE "C" NOT NULL,
    CONSTRAINT engine_role CHECK (role IN ('active', 'shadow', 'configured'))
);

-- One row. generation grows with each change of the roles; the counts began with it.
CREATE TABLE engine_switch (
    id bigint NOT NULL PRIMARY KEY,
    generation bigint NOT NULL,
    phase text COLLATE "C" NOT NULL,
    since bigint NOT NULL,
    frames bigint NOT NULL,
    faces bigint NOT NULL,
    agreed bigint NOT NULL,
    nobody bigint NOT NULL,
    lost bigint NOT NULL,
    gained bigint NOT NULL,
    other bigint NOT NULL,
    only_active bigint NOT NULL,
    only_shadow bigint NOT NULL,
    active_score double precision NOT NULL,
    shadow_score double precision NOT NULL,
    active_spare double precision NOT NULL,
    shadow_spare double precision NOT NULL,
    CONSTRAINT engine_switch_one CHECK (id = 1),
    CONSTRAINT engine_switch_phase CHECK (phase IN ('none', 'trial', 'committed'))
);

-- Who would be decided differently: a row a student at most, which goes with the student.
CREATE TABLE engine_difference (
    student_id text COLLATE "C" NOT NULL PRIMARY KEY REFERENCES student (id) ON DELETE CASCADE,
    other_id text COLLATE "C" REFERENCES student (id) ON DELETE SET NULL,
    lost bigint NOT NULL,
    gained bigint NOT NULL,
    other bigint NOT NULL,
    active_score double precision NOT NULL,
    shadow_score double precision NOT NULL,
    last_seen bigint NOT NULL
);
CREATE INDEX engine_difference_other ON engine_difference (other_id);
