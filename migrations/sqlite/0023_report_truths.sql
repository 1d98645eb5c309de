-- When the heads of the register were last signed.
ALTER TABLE register_verification ADD COLUMN signed_at INTEGER NOT NULL DEFAULT 0;
