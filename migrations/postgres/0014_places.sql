-- Where and when an institution teaches: one institution, its sites (each with a time zone), their
-- rooms, terms and holidays. Days are days since 1970-01-01, first and last both included.

-- One row.
CREATE TABLE institution (
    id bigint NOT NULL PRIMARY KEY,
    name text COLLATE "C" NOT NULL,
    locale text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    CONSTRAINT institution_one CHECK (id = 1),
    CONSTRAINT institution_name_length CHECK (octet_length(name) <= 800),
    CONSTRAINT institution_locale_length CHECK (octet_length(locale) BETWEEN 2 AND 35)
);
INSERT INTO institution (id, name, locale, version, created_at, updated_at)
VALUES (1, '', 'en', 1, 0, 0);

CREATE TABLE site (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    name text COLLATE "C" NOT NULL,
    tz text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    CONSTRAINT site_name UNIQUE (name),
    CONSTRAINT site_id CHECK (length(id) = 36),
    CONSTRAINT site_name_length CHECK (octet_length(name) BETWEEN 1 AND 400),
    CONSTRAINT site_tz_length CHECK (octet_length(tz) BETWEEN 1 AND 64)
);

-- capacity 0: not known.
CREATE TABLE room (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    site_id text COLLATE "C" NOT NULL REFERENCES site (id),
    name text COLLATE "C" NOT NULL,
    capacity bigint NOT NULL,
    version bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    CONSTRAINT room_site_name UNIQUE (site_id, name),
    CONSTRAINT room_with_site UNIQUE (id, site_id),
    CONSTRAINT room_id CHECK (length(id) = 36),
    CONSTRAINT room_name_length CHECK (octet_length(name) BETWEEN 1 AND 400),
    CONSTRAINT room_capacity CHECK (capacity BETWEEN 0 AND 100000)
);

CREATE TABLE term (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    site_id text COLLATE "C" NOT NULL REFERENCES site (id),
    name text COLLATE "C" NOT NULL,
    first_day bigint NOT NULL,
    last_day bigint NOT NULL,
    version bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    CONSTRAINT term_site_name UNIQUE (site_id, name),
    CONSTRAINT term_id CHECK (length(id) = 36),
    CONSTRAINT term_name_length CHECK (octet_length(name) BETWEEN 1 AND 64),
    CONSTRAINT term_days CHECK (first_day >= 0 AND last_day BETWEEN first_day AND 84005)
);

-- Days of a site without classes; one day, or a break of several.
CREATE TABLE holiday (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    site_id text COLLATE "C" NOT NULL REFERENCES site (id),
    name text COLLATE "C" NOT NULL,
    first_day bigint NOT NULL,
    last_day bigint NOT NULL,
    version bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    CONSTRAINT holiday_site_day UNIQUE (site_id, first_day, name),
    CONSTRAINT holiday_id CHECK (length(id) = 36),
    CONSTRAINT holiday_name_length CHECK (octet_length(name) BETWEEN 1 AND 400),
    CONSTRAINT holiday_days CHECK (first_day >= 0 AND last_day BETWEEN first_day AND 84005)
);

-- The free text course.term stays what it is; a term with days is by choice.
ALTER TABLE course ADD COLUMN term_id text COLLATE "C" REFERENCES term (id);
CREATE INDEX course_term ON course (term_id) WHERE term_id IS NOT NULL;
