-- When the heads of the register were last signed.
ALTER TABLE register_verification ADD COLUMN signed_at bigint NOT NULL DEFAULT 0;

-- The day of the week, 1 Monday to 7, on the wall of a time zone (empty: UTC). SQLite has a
-- function of the same name, in C.
CREATE FUNCTION local_weekday(at bigint, tz text) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT EXTRACT(isodow FROM to_timestamp(at / 1000000)
        AT TIME ZONE COALESCE(NULLIF(tz, ''), 'UTC'))::bigint
$$;
