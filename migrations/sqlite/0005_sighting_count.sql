-- How often live sightings had which score, in bins of 0.01: for rollcall calibrate. Never whose.

CREATE TABLE sighting_count (
    encoder TEXT NOT NULL,
    preprocessing TEXT NOT NULL,
    score_kind TEXT NOT NULL,
    what TEXT NOT NULL,
    bin INTEGER NOT NULL,
    sightings INTEGER NOT NULL,
    PRIMARY KEY (encoder, preprocessing, score_kind, what, bin)
) STRICT;
