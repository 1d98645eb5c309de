-- No template without a live consent: the database refuses it, and refuses to end a consent while
-- templates stand on it.

-- live is 1, or NULL once the consent was withdrawn or replaced by a newer one.
CREATE TABLE consent (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    student_id text COLLATE "C" NOT NULL REFERENCES student (id),
    purpose text COLLATE "C" NOT NULL,
    text_version text COLLATE "C" NOT NULL,
    given_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    withdrawn_at bigint NOT NULL DEFAULT 0,
    replaced_by text COLLATE "C" NOT NULL DEFAULT '',
    recorded_by text COLLATE "C" NOT NULL,
    live bigint,
    CONSTRAINT consent_id_live UNIQUE (id, live),
    CONSTRAINT consent_id CHECK (length(id) = 36),
    CONSTRAINT consent_purpose CHECK (purpose IN ('recognition', 'photos')),
    CONSTRAINT consent_text_version_length CHECK (octet_length(text_version) BETWEEN 1 AND 64),
    CONSTRAINT consent_expires CHECK (expires_at = 0 OR expires_at > given_at),
    CONSTRAINT consent_replaced_by CHECK (length(replaced_by) IN (0, 36)),
    CONSTRAINT consent_live CHECK (COALESCE(live, 0) = 1 OR withdrawn_at > 0 OR replaced_by <> '')
);
-- One that is being replaced stays live until its templates have moved to the new one.
CREATE UNIQUE INDEX consent_one_live ON consent (student_id, purpose)
    WHERE live = 1 AND replaced_by = '';
CREATE INDEX consent_student ON consent (student_id, id);
CREATE INDEX consent_expiry ON consent (expires_at) WHERE live = 1 AND expires_at > 0;

-- Templates from before: nobody recorded a consent, and the row says so.
INSERT INTO consent (id, student_id, purpose, text_version, given_at, expires_at, recorded_by, live)
SELECT student_id, student_id, 'recognition', 'before-consents', MIN(created_at), 0, 'migration', 1
FROM template GROUP BY student_id;

ALTER TABLE template ADD COLUMN consent_id text COLLATE "C";
ALTER TABLE template ADD COLUMN consent_live bigint NOT NULL DEFAULT 1;
UPDATE template SET consent_id = student_id;
ALTER TABLE template ALTER COLUMN consent_id SET NOT NULL;
ALTER TABLE template ALTER COLUMN consent_live DROP DEFAULT;
ALTER TABLE template ADD CONSTRAINT template_consent
    FOREIGN KEY (consent_id, consent_live) REFERENCES consent (id, live);
ALTER TABLE template ADD CONSTRAINT template_consent_live CHECK (consent_live = 1);
CREATE INDEX template_by_consent ON template (consent_id, consent_live);
