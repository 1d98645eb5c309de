-- Whole tables for imports.

-- name: bulk_students :many
SELECT id, external_id, name, email, status, version FROM student;
