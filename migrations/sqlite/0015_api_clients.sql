-- Programs that use the API: a key each, kept as its hash. A revoked one stays, for the audit trail.
CREATE TABLE api_client (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    scopes TEXT NOT NULL,
    camera_id TEXT REFERENCES camera (id),
    key_hash BLOB NOT NULL UNIQUE,
    prefix TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    revoked_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT api_client_id CHECK (length(id) = 36),
    CONSTRAINT api_client_name_length CHECK (length(CAST(name AS BLOB)) BETWEEN 1 AND 400),
    CONSTRAINT api_client_kind CHECK (kind IN ('camera', 'kiosk', 'service')),
    CONSTRAINT api_client_hash CHECK (length(key_hash) = 32),
    CONSTRAINT api_client_camera CHECK (kind <> 'service' OR camera_id IS NULL),
    CONSTRAINT api_client_one_camera
        CHECK (kind <> 'camera' OR camera_id IS NOT NULL OR revoked_at > 0)
) STRICT;
CREATE UNIQUE INDEX api_client_name ON api_client (name) WHERE revoked_at = 0;
CREATE INDEX api_client_of_camera ON api_client (camera_id);

-- The cameras a session takes frames of; none: any camera.
CREATE TABLE session_camera (
    session_id TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    camera_id TEXT NOT NULL REFERENCES camera (id),
    PRIMARY KEY (session_id, camera_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX session_camera_of_camera ON session_camera (camera_id);
