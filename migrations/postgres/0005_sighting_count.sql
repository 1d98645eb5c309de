-- How often live sightings had which score, in bins of 0.01: for rollcall calibrate. Never whose.

CREATE TABLE sighting_count (
    encoder text COLLATE "C" NOT NULL,
    preprocessing text COLLATE "C" NOT NULL,
    score_kind text COLLATE "C" NOT NULL,
    what text COLLATE "C" NOT NULL,
    bin bigint NOT NULL,
    sightings bigint NOT NULL,
    PRIMARY KEY (encoder, preprocessing, score_kind, what, bin)
);
