-- Engines: which decides, which is compared with it, and what came of the comparison.

-- name: engine_list :many
SELECT role, detector, encoder, preprocessing, model_precision, device FROM engine;

-- name: engine_put :exec
INSERT INTO engine (role, detector, encoder, preprocessing, model_precision, device)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (role) DO UPDATE SET detector = excluded.detector, encoder = excluded.encoder,
    preprocessing = excluded.preprocessing, model_precision = excluded.model_precision,
    device = excluded.device;

-- name: engine_delete :exec
DELETE FROM engine WHERE role = $1;

-- name: engine_switch_get :one
SELECT generation, phase, since, frames, faces, agreed, nobody, lost, gained, other, only_active,
    only_shadow, active_score, shadow_score, active_spare, shadow_spare
FROM engine_switch WHERE id = 1;

-- name: engine_switch_put :exec
INSERT INTO engine_switch (id, generation, phase, since, frames, faces, agreed, nobody, lost,
    gained, other, only_active, only_shadow, active_score, shadow_score, active_spare,
    shadow_spare)
VALUES (1, $1, $2, $3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
ON CONFLICT (id) DO UPDATE SET generation = excluded.generation, phase = excluded.phase,
    since = excluded.since, frames = 0, faces = 0, agreed = 0, nobody = 0, lost = 0, gained = 0,
    other = 0, only_active = 0, only_shadow = 0, active_score = 0, shadow_score = 0,
    active_spare = 0, shadow_spare = 0;

-- name: engine_tally_add :exec
UPDATE engine_switch SET frames = frames + 1, faces = faces + $2, agreed = agreed + $3,
    nobody = nobody + $4, lost = lost + $5, gained = gained + $6, other = other + $7,
    only_active = only_active + $8, only_shadow = only_shadow + $9,
    active_score = active_score + $10, shadow_score = shadow_score + $11,
    active_spare = active_spare + $12, shadow_spare = shadow_spare + $13
WHERE id = 1 AND generation = $1;

-- Erased a moment ago: no row.
-- name: engine_difference_add :exec
INSERT INTO engine_difference (student_id, other_id, lost, gained, other, active_score,
    shadow_score, last_seen)
SELECT s.id, (SELECT o.id FROM student o WHERE o.id = $2), CAST($3 AS bigint),
    CAST($4 AS bigint), CAST($5 AS bigint), $6, $7, $8
FROM student s WHERE s.id = $1
ON CONFLICT (student_id) DO UPDATE SET
    other_id = COALESCE(excluded.other_id, engine_difference.other_id),
    lost = engine_difference.lost + excluded.lost,
    gained = engine_difference.gained + excluded.gained,
    other = engine_difference.other + excluded.other, active_score = excluded.active_score,
    shadow_score = excluded.shadow_score, last_seen = excluded.last_seen;

-- name: engine_difference_list :many
SELECT d.student_id, s.external_id, s.name, d.other_id, d.lost, d.gained, d.other,
    d.active_score, d.shadow_score, d.last_seen
FROM engine_difference d JOIN student s ON s.id = d.student_id
WHERE d.student_id > $1
ORDER BY d.student_id LIMIT $2;

-- name: engine_difference_clear :exec
DELETE FROM engine_difference;

-- name: engine_difference_forget :exec
DELETE FROM engine_difference WHERE student_id = $1 OR other_id = $1;

-- Students with a template in the one, the other, and both; templates of the second.
-- name: engine_coverage :one
SELECT
    (SELECT count(DISTINCT t.student_id) FROM template t
     WHERE t.encoder = $1 AND t.preprocessing = $2) AS first_students,
    (SELECT count(DISTINCT t.student_id) FROM template t
     WHERE t.encoder = $3 AND t.preprocessing = $4) AS second_students,
    (SELECT count(DISTINCT t.student_id) FROM template t
     WHERE t.encoder = $1 AND t.preprocessing = $2 AND EXISTS (SELECT 1 FROM template u
        WHERE u.student_id = t.student_id AND u.encoder = $3 AND u.preprocessing = $4)) AS both_students,
    (SELECT count(*) FROM template t
     WHERE t.encoder = $3 AND t.preprocessing = $4) AS second_templates;

-- With a template of the first and none of the second.
-- name: engine_missing :many
SELECT s.id, s.external_id, s.name FROM student s
WHERE s.id > $5
    AND EXISTS (SELECT 1 FROM template t
        WHERE t.student_id = s.id AND t.encoder = $1 AND t.preprocessing = $2)
    AND NOT EXISTS (SELECT 1 FROM template t
        WHERE t.student_id = s.id AND t.encoder = $3 AND t.preprocessing = $4)
ORDER BY s.id LIMIT $6;

-- name: template_any :one
SELECT count(*) AS n FROM (SELECT 1 AS one FROM template LIMIT 1) AS found;

-- The kind with the most templates.
-- name: template_main_kind :one
SELECT encoder, preprocessing, count(*) AS n FROM template
GROUP BY encoder, preprocessing ORDER BY n DESC, encoder, preprocessing LIMIT 1;

-- name: template_kind_delete :exec
DELETE FROM template WHERE encoder = $1 AND preprocessing = $2;
