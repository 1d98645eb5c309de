-- Counts of scores of live sightings.

-- name: sighting_add :exec
INSERT INTO sighting_count (encoder, preprocessing, score_kind, what, bin, sightings)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (encoder, preprocessing, score_kind, what, bin)
DO UPDATE SET sightings = sighting_count.sightings + excluded.sightings;

-- name: sighting_list :many
SELECT what, bin, sightings FROM sighting_count
WHERE encoder = $1 AND preprocessing = $2 AND score_kind = $3 ORDER BY what, bin;
