-- Enrolment that knows whom a face looks like.

-- Two students whose templates score as one person's would: told apart by a larger margin. a < b.
CREATE TABLE look_alike (
    id TEXT NOT NULL PRIMARY KEY,
    a TEXT NOT NULL REFERENCES student (id) ON DELETE CASCADE,
    b TEXT NOT NULL REFERENCES student (id) ON DELETE CASCADE,
    encoder TEXT NOT NULL,
    preprocessing TEXT NOT NULL,
    score REAL NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT look_alike_pair UNIQUE (a, b, encoder, preprocessing),
    CONSTRAINT look_alike_id CHECK (length(id) = 36),
    CONSTRAINT look_alike_order CHECK (a < b)
) STRICT;
CREATE INDEX look_alike_other ON look_alike (b);

-- Who asked for the job, and whether a photo that is like another student's may be enrolled.
ALTER TABLE job ADD COLUMN actor TEXT NOT NULL DEFAULT '';
ALTER TABLE job ADD COLUMN allow_look_alike INTEGER NOT NULL DEFAULT 0;

-- The student a refused photo is like; the template that gave way to an accepted one.
ALTER TABLE job_photo ADD COLUMN other_id TEXT NOT NULL DEFAULT '';
ALTER TABLE job_photo ADD COLUMN replaced_id TEXT NOT NULL DEFAULT '';
