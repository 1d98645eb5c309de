-- Where and when an institution teaches: one institution, its sites (each with a time zone), their
-- rooms, terms and holidays. Days are days since 1970-01-01, first and last both included.

-- One row.
CREATE TABLE institution (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    locale TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT institution_one CHECK (id = 1),
    CONSTRAINT institution_name_length CHECK (length(CAST(name AS BLOB)) <= 800),
    CONSTRAINT institution_locale_length CHECK (length(CAST(locale AS BLOB)) BETWEEN 2 AND 35)
) STRICT;
INSERT INTO institution (id, name, locale, version, created_at, updated_at)
VALUES (1, '', 'en', 1, 0, 0);

CREATE TABLE site (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    tz TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT site_name UNIQUE (name),
    CONSTRAINT site_id CHECK (length(id) = 36),
    CONSTRAINT site_name_length CHECK (length(CAST(name AS BLOB)) BETWEEN 1 AND 400),
    CONSTRAINT site_tz_length CHECK (length(CAST(tz AS BLOB)) BETWEEN 1 AND 64)
) STRICT;

-- capacity 0: not known.
CREATE TABLE room (
    id TEXT NOT NULL PRIMARY KEY,
    site_id TEXT NOT NULL REFERENCES site (id),
    name TEXT NOT NULL,
    capacity INTEGER NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT room_site_name UNIQUE (site_id, name),
    CONSTRAINT room_with_site UNIQUE (id, site_id),
    CONSTRAINT room_id CHECK (length(id) = 36),
    CONSTRAINT room_name_length CHECK (length(CAST(name AS BLOB)) BETWEEN 1 AND 400),
    CONSTRAINT room_capacity CHECK (capacity BETWEEN 0 AND 100000)
) STRICT;

CREATE TABLE term (
    id TEXT NOT NULL PRIMARY KEY,
    site_id TEXT NOT NULL REFERENCES site (id),
    name TEXT NOT NULL,
    first_day INTEGER NOT NULL,
    last_day INTEGER NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT term_site_name UNIQUE (site_id, name),
    CONSTRAINT term_id CHECK (length(id) = 36),
    CONSTRAINT term_name_length CHECK (length(CAST(name AS BLOB)) BETWEEN 1 AND 64),
    CONSTRAINT term_days CHECK (first_day >= 0 AND last_day BETWEEN first_day AND 84005)
) STRICT;

-- Days of a site without classes; one day, or a break of several.
CREATE TABLE holiday (
    id TEXT NOT NULL PRIMARY KEY,
    site_id TEXT NOT NULL REFERENCES site (id),
    name TEXT NOT NULL,
    first_day INTEGER NOT NULL,
    last_day INTEGER NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    CONSTRAINT holiday_site_day UNIQUE (site_id, first_day, name),
    CONSTRAINT holiday_id CHECK (length(id) = 36),
    CONSTRAINT holiday_name_length CHECK (length(CAST(name AS BLOB)) BETWEEN 1 AND 400),
    CONSTRAINT holiday_days CHECK (first_day >= 0 AND last_day BETWEEN first_day AND 84005)
) STRICT;

-- The free text course.term stays what it is; a term with days is by choice.
ALTER TABLE course ADD COLUMN term_id TEXT REFERENCES term (id);
CREATE INDEX course_term ON course (term_id) WHERE term_id IS NOT NULL;
