-- Programs that use the API: a key each, kept as its hash. A revoked one stays, for the audit trail.
CREATE TABLE api_client (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    name text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    scopes text COLLATE "C" NOT NULL,
    camera_id text COLLATE "C" REFERENCES camera (id),
    key_hash bytea NOT NULL UNIQUE,
    prefix text COLLATE "C" NOT NULL,
    created_by text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    last_seen bigint NOT NULL,
    revoked_at bigint NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT api_client_id CHECK (length(id) = 36),
    CONSTRAINT api_client_name_length CHECK (octet_length(name) BETWEEN 1 AND 400),
    CONSTRAINT api_client_kind CHECK (kind IN ('camera', 'kiosk', 'service')),
    CONSTRAINT api_client_hash CHECK (octet_length(key_hash) = 32),
    CONSTRAINT api_client_camera CHECK (kind <> 'service' OR camera_id IS NULL),
    CONSTRAINT api_client_one_camera
        CHECK (kind <> 'camera' OR camera_id IS NOT NULL OR revoked_at > 0)
);
CREATE UNIQUE INDEX api_client_name ON api_client (name) WHERE revoked_at = 0;
CREATE INDEX api_client_of_camera ON api_client (camera_id);

-- The cameras a session takes frames of; none: any camera.
CREATE TABLE session_camera (
    session_id text COLLATE "C" NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    camera_id text COLLATE "C" NOT NULL REFERENCES camera (id),
    PRIMARY KEY (session_id, camera_id)
);
CREATE INDEX session_camera_of_camera ON session_camera (camera_id);
