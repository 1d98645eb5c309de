-- The first schema: people, courses, sessions, marks and the register behind them.
-- Ids are UUIDv7 text; times are microseconds since 1970 in UTC. Lengths are bytes of UTF-8.
-- Text compares as bytes (COLLATE "C"), as it does in SQLite.
-- Constraint names are part of the error messages: keep them the same in both folders.

CREATE TABLE setting (
    name text COLLATE "C" NOT NULL PRIMARY KEY,
    value text COLLATE "C" NOT NULL,
    updated_at bigint NOT NULL
);

CREATE TABLE "user" (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    login text COLLATE "C" NOT NULL UNIQUE,
    name text COLLATE "C" NOT NULL,
    role text COLLATE "C" NOT NULL,
    password_hash text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    CONSTRAINT user_id CHECK (length(id) = 36),
    CONSTRAINT user_login_length CHECK (octet_length(login) BETWEEN 1 AND 64),
    CONSTRAINT user_name_length CHECK (octet_length(name) <= 200),
    CONSTRAINT user_role CHECK (role IN
        ('admin', 'registrar', 'instructor', 'auditor', 'student', 'camera'))
);

-- What a user signs in with: one-use codes and bearer tokens, as hashes of the secret.
CREATE TABLE login (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    user_id text COLLATE "C" NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
    kind text COLLATE "C" NOT NULL,
    hash bytea NOT NULL UNIQUE,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    CONSTRAINT login_id CHECK (length(id) = 36),
    CONSTRAINT login_kind CHECK (kind IN ('code', 'token')),
    CONSTRAINT login_hash CHECK (octet_length(hash) = 32)
);
CREATE INDEX login_user ON login (user_id);
CREATE INDEX login_expires ON login (expires_at);

CREATE TABLE student (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    external_id text COLLATE "C" NOT NULL UNIQUE,
    name text COLLATE "C" NOT NULL,
    email text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    CONSTRAINT student_id CHECK (length(id) = 36),
    CONSTRAINT student_external_id_length
        CHECK (octet_length(external_id) BETWEEN 1 AND 64),
    CONSTRAINT student_name_length CHECK (octet_length(name) BETWEEN 1 AND 200),
    CONSTRAINT student_email_length CHECK (octet_length(email) <= 254),
    CONSTRAINT student_status CHECK (status IN ('active', 'inactive'))
);

-- One row per accepted enrolment photo; vector is sealed.
CREATE TABLE template (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    student_id text COLLATE "C" NOT NULL REFERENCES student (id),
    encoder text COLLATE "C" NOT NULL,
    preprocessing text COLLATE "C" NOT NULL,
    model_precision text COLLATE "C" NOT NULL,
    model_sha256 text COLLATE "C" NOT NULL,
    sealed bytea NOT NULL,
    quality double precision NOT NULL,
    source text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    CONSTRAINT template_id CHECK (length(id) = 36),
    CONSTRAINT template_sealed CHECK (octet_length(sealed) > 0),
    CONSTRAINT template_quality CHECK (quality BETWEEN 0 AND 1)
);
CREATE INDEX template_student ON template (student_id, encoder);
CREATE INDEX template_gallery ON template (encoder, preprocessing, student_id, id);

CREATE TABLE course (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    code text COLLATE "C" NOT NULL,
    title text COLLATE "C" NOT NULL,
    term text COLLATE "C" NOT NULL,
    confirmations bigint NOT NULL,
    late_after_min bigint NOT NULL,
    roster_version bigint NOT NULL,
    version bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    CONSTRAINT course_code_term UNIQUE (code, term),
    CONSTRAINT course_id CHECK (length(id) = 36),
    CONSTRAINT course_code_length CHECK (octet_length(code) BETWEEN 1 AND 64),
    CONSTRAINT course_title_length CHECK (octet_length(title) BETWEEN 1 AND 200),
    CONSTRAINT course_term_length CHECK (octet_length(term) <= 64),
    CONSTRAINT course_confirmations CHECK (confirmations >= 0),
    CONSTRAINT course_late_after CHECK (late_after_min >= 0)
);

-- Who is enrolled when: a row never changes, it ends.
CREATE TABLE roster_entry (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    course_id text COLLATE "C" NOT NULL REFERENCES course (id),
    student_id text COLLATE "C" NOT NULL REFERENCES student (id),
    valid_from bigint NOT NULL,
    valid_to bigint,
    CONSTRAINT roster_entry_id CHECK (length(id) = 36),
    CONSTRAINT roster_entry_ends CHECK (valid_to IS NULL OR valid_to >= valid_from)
);
CREATE UNIQUE INDEX roster_entry_open ON roster_entry (course_id, student_id)
    WHERE valid_to IS NULL;
CREATE INDEX roster_entry_course ON roster_entry (course_id, student_id, valid_from);
CREATE INDEX roster_entry_student ON roster_entry (student_id);

CREATE TABLE camera (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE,
    room text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    CONSTRAINT camera_id CHECK (length(id) = 36),
    CONSTRAINT camera_name_length CHECK (octet_length(name) BETWEEN 1 AND 100),
    CONSTRAINT camera_room_length CHECK (octet_length(room) <= 100)
);

-- One sitting of a course. The last columns before version are the policy it was made with.
CREATE TABLE session (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    course_id text COLLATE "C" NOT NULL REFERENCES course (id),
    title text COLLATE "C" NOT NULL,
    planned_start bigint NOT NULL,
    planned_end bigint NOT NULL,
    started_at bigint NOT NULL,
    ended_at bigint NOT NULL,
    status text COLLATE "C" NOT NULL,
    confirmations bigint NOT NULL,
    confirm_gap_ms bigint NOT NULL,
    confirm_window_s bigint NOT NULL,
    late_after_min bigint NOT NULL,
    version bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    CONSTRAINT session_id CHECK (length(id) = 36),
    CONSTRAINT session_title_length CHECK (octet_length(title) <= 200),
    CONSTRAINT session_status CHECK (status IN ('scheduled', 'active', 'closed')),
    CONSTRAINT session_policy CHECK (confirmations >= 0 AND confirm_gap_ms >= 0
        AND confirm_window_s >= 0 AND late_after_min >= 0)
);
CREATE INDEX session_course ON session (course_id, id);
CREATE INDEX session_by_status ON session (status, id);

-- A student's attendance in a session: the projection of the register.
CREATE TABLE mark (
    session_id text COLLATE "C" NOT NULL REFERENCES session (id),
    student_id text COLLATE "C" NOT NULL REFERENCES student (id),
    frame text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    source text COLLATE "C" NOT NULL,
    first_seen bigint NOT NULL,
    last_seen bigint NOT NULL,
    receipt text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    PRIMARY KEY (session_id, student_id),
    CONSTRAINT mark_frame CHECK (length(frame) IN (0, 36)),
    CONSTRAINT mark_status CHECK (status IN
        ('present', 'late', 'left-early', 'absent', 'excused')),
    CONSTRAINT mark_source CHECK (source IN ('face', 'code', 'manual', 'import')),
    CONSTRAINT mark_receipt CHECK (receipt = '' OR receipt::jsonb IS NOT NULL)
);
CREATE INDEX mark_student ON mark (student_id);

-- The register: one append-only hash chain per session, and one named admin.
CREATE TABLE register_event (
    chain text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    prev_hash bytea NOT NULL,
    hash bytea NOT NULL,
    actor text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    student text COLLATE "C" NOT NULL,
    payload text COLLATE "C" NOT NULL,
    PRIMARY KEY (chain, seq),
    CONSTRAINT register_event_seq CHECK (seq >= 1),
    CONSTRAINT register_event_hashes CHECK (octet_length(prev_hash) = 32 AND octet_length(hash) = 32)
);

-- Events that must reach subscribers at least once.
CREATE TABLE outbox (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    topic text COLLATE "C" NOT NULL,
    payload text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    CONSTRAINT outbox_id CHECK (length(id) = 36)
);
CREATE INDEX outbox_oldest ON outbox (created_at, id);

CREATE TABLE job (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    kind text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL,
    tries bigint NOT NULL,
    error text COLLATE "C" NOT NULL,
    lease_until bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    CONSTRAINT job_id CHECK (length(id) = 36),
    CONSTRAINT job_state CHECK (state IN ('queued', 'running', 'done', 'failed'))
);
CREATE INDEX job_by_state ON job (state, id);

-- The photos of an enrolment job; sealed is emptied as soon as there is a verdict.
CREATE TABLE job_photo (
    job_id text COLLATE "C" NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    position bigint NOT NULL,
    name text COLLATE "C" NOT NULL,
    verdict text COLLATE "C" NOT NULL,
    detail text COLLATE "C" NOT NULL,
    quality double precision NOT NULL,
    sealed bytea NOT NULL,
    PRIMARY KEY (job_id, position),
    CONSTRAINT job_photo_position CHECK (position >= 0),
    CONSTRAINT job_photo_judged CHECK (verdict = '' OR octet_length(sealed) = 0)
);
