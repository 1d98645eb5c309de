-- The first schema: people, courses, sessions, marks and the register behind them.
-- Ids are UUIDv7 text; times are microseconds since 1970 in UTC. Lengths are bytes of UTF-8.
-- Constraint names are part of the error messages: keep them the same in both folders.

CREATE TABLE setting (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE "user" (
    id TEXT NOT NULL PRIMARY KEY,
    login TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT user_id CHECK (length(id) = 36),
    CONSTRAINT user_login_length CHECK (length(CAST(login AS BLOB)) BETWEEN 1 AND 64),
    CONSTRAINT user_name_length CHECK (length(CAST(name AS BLOB)) <= 200),
    CONSTRAINT user_role CHECK (role IN
        ('admin', 'registrar', 'instructor', 'auditor', 'student', 'camera'))
) STRICT;

-- What a user signs in with: one-use codes and bearer tokens, as hashes of the secret.
CREATE TABLE login (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    CONSTRAINT login_id CHECK (length(id) = 36),
    CONSTRAINT login_kind CHECK (kind IN ('code', 'token')),
    CONSTRAINT login_hash CHECK (length(hash) = 32)
) STRICT;
CREATE INDEX login_user ON login (user_id);
CREATE INDEX login_expires ON login (expires_at);

CREATE TABLE student (
    id TEXT NOT NULL PRIMARY KEY,
    external_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    status TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT student_id CHECK (length(id) = 36),
    CONSTRAINT student_external_id_length
        CHECK (length(CAST(external_id AS BLOB)) BETWEEN 1 AND 64),
    CONSTRAINT student_name_length CHECK (length(CAST(name AS BLOB)) BETWEEN 1 AND 200),
    CONSTRAINT student_email_length CHECK (length(CAST(email AS BLOB)) <= 254),
    CONSTRAINT student_status CHECK (status IN ('active', 'inactive'))
) STRICT;

-- One row per accepted enrolment photo; vector is sealed.
CREATE TABLE template (
    id TEXT NOT NULL PRIMARY KEY,
    student_id TEXT NOT NULL REFERENCES student (id),
    encoder TEXT NOT NULL,
    preprocessing TEXT NOT NULL,
    model_precision TEXT NOT NULL,
    model_sha256 TEXT NOT NULL,
    sealed BLOB NOT NULL,
    quality REAL NOT NULL,
    source TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT template_id CHECK (length(id) = 36),
    CONSTRAINT template_sealed CHECK (length(sealed) > 0),
    CONSTRAINT template_quality CHECK (quality BETWEEN 0 AND 1)
) STRICT;
CREATE INDEX template_student ON template (student_id, encoder);
CREATE INDEX template_gallery ON template (encoder, preprocessing, student_id, id);

CREATE TABLE course (
    id TEXT NOT NULL PRIMARY KEY,
    code TEXT NOT NULL,
    title TEXT NOT NULL,
    term TEXT NOT NULL,
    confirmations INTEGER NOT NULL,
    late_after_min INTEGER NOT NULL,
    roster_version INTEGER NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT course_code_term UNIQUE (code, term),
    CONSTRAINT course_id CHECK (length(id) = 36),
    CONSTRAINT course_code_length CHECK (length(CAST(code AS BLOB)) BETWEEN 1 AND 64),
    CONSTRAINT course_title_length CHECK (length(CAST(title AS BLOB)) BETWEEN 1 AND 200),
    CONSTRAINT course_term_length CHECK (length(CAST(term AS BLOB)) <= 64),
    CONSTRAINT course_confirmations CHECK (confirmations >= 0),
    CONSTRAINT course_late_after CHECK (late_after_min >= 0)
) STRICT;

-- Who is enrolled when: a row never changes, it ends.
CREATE TABLE roster_entry (
    id TEXT NOT NULL PRIMARY KEY,
    course_id TEXT NOT NULL REFERENCES course (id),
    student_id TEXT NOT NULL REFERENCES student (id),
    valid_from INTEGER NOT NULL,
    valid_to INTEGER,
    CONSTRAINT roster_entry_id CHECK (length(id) = 36),
    CONSTRAINT roster_entry_ends CHECK (valid_to IS NULL OR valid_to >= valid_from)
) STRICT;
CREATE UNIQUE INDEX roster_entry_open ON roster_entry (course_id, student_id)
    WHERE valid_to IS NULL;
CREATE INDEX roster_entry_course ON roster_entry (course_id, student_id, valid_from);
CREATE INDEX roster_entry_student ON roster_entry (student_id);

CREATE TABLE camera (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    room TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT camera_id CHECK (length(id) = 36),
    CONSTRAINT camera_name_length CHECK (length(CAST(name AS BLOB)) BETWEEN 1 AND 100),
    CONSTRAINT camera_room_length CHECK (length(CAST(room AS BLOB)) <= 100)
) STRICT;

-- One sitting of a course. The last columns before version are the policy it was made with.
CREATE TABLE session (
    id TEXT NOT NULL PRIMARY KEY,
    course_id TEXT NOT NULL REFERENCES course (id),
    title TEXT NOT NULL,
    planned_start INTEGER NOT NULL,
    planned_end INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    status TEXT NOT NULL,
    confirmations INTEGER NOT NULL,
    confirm_gap_ms INTEGER NOT NULL,
    confirm_window_s INTEGER NOT NULL,
    late_after_min INTEGER NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT session_id CHECK (length(id) = 36),
    CONSTRAINT session_title_length CHECK (length(CAST(title AS BLOB)) <= 200),
    CONSTRAINT session_status CHECK (status IN ('scheduled', 'active', 'closed')),
    CONSTRAINT session_policy CHECK (confirmations >= 0 AND confirm_gap_ms >= 0
        AND confirm_window_s >= 0 AND late_after_min >= 0)
) STRICT;
CREATE INDEX session_course ON session (course_id, id);
CREATE INDEX session_by_status ON session (status, id);

-- A student's attendance in a session: the projection of the register.
CREATE TABLE mark (
    session_id TEXT NOT NULL REFERENCES session (id),
    student_id TEXT NOT NULL REFERENCES student (id),
    frame TEXT NOT NULL,
    status TEXT NOT NULL,
    source TEXT NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    receipt TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (session_id, student_id),
    CONSTRAINT mark_frame CHECK (length(frame) IN (0, 36)),
    CONSTRAINT mark_status CHECK (status IN
        ('present', 'late', 'left-early', 'absent', 'excused')),
    CONSTRAINT mark_source CHECK (source IN ('face', 'code', 'manual', 'import')),
    CONSTRAINT mark_receipt CHECK (receipt = '' OR json_valid(receipt))
) STRICT, WITHOUT ROWID;
CREATE INDEX mark_student ON mark (student_id);

-- The register: one append-only hash chain per session, and one named admin.
CREATE TABLE register_event (
    chain TEXT NOT NULL,
    seq INTEGER NOT NULL,
    prev_hash BLOB NOT NULL,
    hash BLOB NOT NULL,
    actor TEXT NOT NULL,
    at INTEGER NOT NULL,
    student TEXT NOT NULL,
    payload TEXT NOT NULL,
    PRIMARY KEY (chain, seq),
    CONSTRAINT register_event_seq CHECK (seq >= 1),
    CONSTRAINT register_event_hashes CHECK (length(prev_hash) = 32 AND length(hash) = 32)
) STRICT, WITHOUT ROWID;

-- Events that must reach subscribers at least once.
CREATE TABLE outbox (
    id TEXT NOT NULL PRIMARY KEY,
    topic TEXT NOT NULL,
    payload TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT outbox_id CHECK (length(id) = 36)
) STRICT;
CREATE INDEX outbox_oldest ON outbox (created_at, id);

CREATE TABLE job (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    state TEXT NOT NULL,
    tries INTEGER NOT NULL,
    error TEXT NOT NULL,
    lease_until INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT job_id CHECK (length(id) = 36),
    CONSTRAINT job_state CHECK (state IN ('queued', 'running', 'done', 'failed'))
) STRICT;
CREATE INDEX job_by_state ON job (state, id);

-- The photos of an enrolment job; sealed is emptied as soon as there is a verdict.
CREATE TABLE job_photo (
    job_id TEXT NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    verdict TEXT NOT NULL,
    detail TEXT NOT NULL,
    quality REAL NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (job_id, position),
    CONSTRAINT job_photo_position CHECK (position >= 0),
    CONSTRAINT job_photo_judged CHECK (verdict = '' OR length(sealed) = 0)
) STRICT;
