-- Who asked for what, and how it ended. Rows are written and deleted by age, never changed. No names.
CREATE TABLE audit (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    at bigint NOT NULL,
    actor text COLLATE "C" NOT NULL,
    actor_kind text COLLATE "C" NOT NULL,
    action text COLLATE "C" NOT NULL,
    subject_kind text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    status bigint NOT NULL,
    address text COLLATE "C" NOT NULL,
    request text COLLATE "C" NOT NULL,
    detail text COLLATE "C" NOT NULL,
    CONSTRAINT audit_id CHECK (length(id) = 36),
    CONSTRAINT audit_actor_kind CHECK (actor_kind IN
        ('user', 'client', 'local', 'command', 'nobody')),
    CONSTRAINT audit_detail CHECK (detail = '' OR detail::jsonb IS NOT NULL),
    CONSTRAINT audit_detail_length CHECK (octet_length(detail) <= 2048)
);
CREATE INDEX audit_actor ON audit (actor, id);
CREATE INDEX audit_subject ON audit (subject, id);
CREATE INDEX audit_action ON audit (action, id);
