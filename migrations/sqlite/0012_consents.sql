-- No template without a live consent: the database refuses it, and refuses to end a consent while
-- templates stand on it.

-- live is 1, or NULL once the consent was withdrawn or replaced by a newer one.
CREATE TABLE consent (
    id TEXT NOT NULL PRIMARY KEY,
    student_id TEXT NOT NULL REFERENCES student (id),
    purpose TEXT NOT NULL,
    text_version TEXT NOT NULL,
    given_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    withdrawn_at INTEGER NOT NULL DEFAULT 0,
    replaced_by TEXT NOT NULL DEFAULT '',
    recorded_by TEXT NOT NULL,
    live INTEGER,
    CONSTRAINT consent_id_live UNIQUE (id, live),
    CONSTRAINT consent_id CHECK (length(id) = 36),
    CONSTRAINT consent_purpose CHECK (purpose IN ('recognition', 'photos')),
    CONSTRAINT consent_text_version_length
        CHECK (length(CAST(text_version AS BLOB)) BETWEEN 1 AND 64),
    CONSTRAINT consent_expires CHECK (expires_at = 0 OR expires_at > given_at),
    CONSTRAINT consent_replaced_by CHECK (length(replaced_by) IN (0, 36)),
    CONSTRAINT consent_live CHECK (COALESCE(live, 0) = 1 OR withdrawn_at > 0 OR replaced_by <> '')
) STRICT;
-- One that is being replaced stays live until its templates have moved to the new one.
CREATE UNIQUE INDEX consent_one_live ON consent (student_id, purpose)
    WHERE live = 1 AND replaced_by = '';
CREATE INDEX consent_student ON consent (student_id, id);
CREATE INDEX consent_expiry ON consent (expires_at) WHERE live = 1 AND expires_at > 0;

-- Templates from before: nobody recorded a consent, and the row says so.
INSERT INTO consent (id, student_id, purpose, text_version, given_at, expires_at, recorded_by, live)
SELECT student_id, student_id, 'recognition', 'before-consents', MIN(created_at), 0, 'migration', 1
FROM template GROUP BY student_id;

-- A NOT NULL column with a foreign key cannot be added in place. Nothing refers to this table.
CREATE TABLE template_with_consent (
    id TEXT NOT NULL PRIMARY KEY,
    student_id TEXT NOT NULL REFERENCES student (id),
    consent_id TEXT NOT NULL,
    consent_live INTEGER NOT NULL,
    encoder TEXT NOT NULL,
    preprocessing TEXT NOT NULL,
    model_precision TEXT NOT NULL,
    model_sha256 TEXT NOT NULL,
    sealed BLOB NOT NULL,
    quality REAL NOT NULL,
    source TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT template_consent FOREIGN KEY (consent_id, consent_live) REFERENCES consent (id, live),
    CONSTRAINT template_id CHECK (length(id) = 36),
    CONSTRAINT template_consent_live CHECK (consent_live = 1),
    CONSTRAINT template_sealed CHECK (length(sealed) > 0),
    CONSTRAINT template_quality CHECK (quality BETWEEN 0 AND 1)
) STRICT;
INSERT INTO template_with_consent (id, student_id, consent_id, consent_live, encoder, preprocessing,
    model_precision, model_sha256, sealed, quality, source, created_at)
SELECT id, student_id, student_id, 1, encoder, preprocessing, model_precision, model_sha256, sealed,
    quality, source, created_at
FROM template;
DROP TABLE template;
ALTER TABLE template_with_consent RENAME TO template;
CREATE INDEX template_student ON template (student_id, encoder);
CREATE INDEX template_gallery ON template (encoder, preprocessing, student_id, id);
CREATE INDEX template_by_consent ON template (consent_id, consent_live);
