-- Cameras stand in a room, have a version, and are seen.
ALTER TABLE camera ADD COLUMN room_id TEXT REFERENCES room (id);
ALTER TABLE camera ADD COLUMN last_seen INTEGER NOT NULL DEFAULT 0;
ALTER TABLE camera ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE camera ADD COLUMN updated_at INTEGER NOT NULL DEFAULT 0;
UPDATE camera SET updated_at = created_at;
CREATE INDEX camera_of_room ON camera (room_id);
