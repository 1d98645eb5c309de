-- Who asked for what, and how it ended. Rows are written and deleted by age, never changed. No names.
CREATE TABLE audit (
    id TEXT NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    action TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    status INTEGER NOT NULL,
    address TEXT NOT NULL,
    request TEXT NOT NULL,
    detail TEXT NOT NULL,
    CONSTRAINT audit_id CHECK (length(id) = 36),
    CONSTRAINT audit_actor_kind CHECK (actor_kind IN
        ('user', 'client', 'local', 'command', 'nobody')),
    CONSTRAINT audit_detail CHECK (detail = '' OR json_valid(detail)),
    CONSTRAINT audit_detail_length CHECK (length(CAST(detail AS BLOB)) <= 2048)
) STRICT;
CREATE INDEX audit_actor ON audit (actor, id);
CREATE INDEX audit_subject ON audit (subject, id);
CREATE INDEX audit_action ON audit (action, id);
