-- Marks that are contested, and since when; 0: not.
ALTER TABLE mark ADD COLUMN disputed_at bigint NOT NULL DEFAULT 0;
CREATE INDEX mark_disputed ON mark (disputed_at) WHERE disputed_at > 0;
