-- Texts of people are counted in characters, as the API's schemas count them: a name of 200 emoji is
-- as good as one of 200 letters.
--
-- A CHECK may be rewritten in place, as https://sqlite.org/lang_altertable.html (otheralter) has it;
-- the tables, to which others refer, need not be made anew. Dropping a table tells each connection
-- that what it knows of the schema is old.

PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'length(CAST(login AS BLOB))', 'length(login)')
    WHERE type = 'table' AND sql IS NOT NULL;
UPDATE sqlite_schema SET sql = replace(sql, 'length(CAST(name AS BLOB))', 'length(name)')
    WHERE type = 'table' AND sql IS NOT NULL AND name <> 'idempotency';
UPDATE sqlite_schema SET sql = replace(sql, 'length(CAST(external_id AS BLOB))', 'length(external_id)')
    WHERE type = 'table' AND sql IS NOT NULL;
UPDATE sqlite_schema SET sql = replace(sql, 'length(CAST(email AS BLOB))', 'length(email)')
    WHERE type = 'table' AND sql IS NOT NULL;
UPDATE sqlite_schema SET sql = replace(sql, 'length(CAST(code AS BLOB))', 'length(code)')
    WHERE type = 'table' AND sql IS NOT NULL;
UPDATE sqlite_schema SET sql = replace(sql, 'length(CAST(title AS BLOB))', 'length(title)')
    WHERE type = 'table' AND sql IS NOT NULL;
UPDATE sqlite_schema SET sql = replace(sql, 'length(CAST(term AS BLOB))', 'length(term)')
    WHERE type = 'table' AND sql IS NOT NULL;
UPDATE sqlite_schema SET sql = replace(sql, 'length(CAST(room AS BLOB))', 'length(room)')
    WHERE type = 'table' AND sql IS NOT NULL;
UPDATE sqlite_schema SET sql = replace(sql, 'length(CAST(text_version AS BLOB))', 'length(text_version)')
    WHERE type = 'table' AND sql IS NOT NULL;
UPDATE sqlite_schema SET sql = replace(sql, 'length(CAST(cancel_reason AS BLOB))', 'length(cancel_reason)')
    WHERE type = 'table' AND sql IS NOT NULL;
UPDATE sqlite_schema SET sql = replace(sql, 'length(CAST(system AS BLOB))', 'length(system)')
    WHERE type = 'table' AND sql IS NOT NULL;
UPDATE sqlite_schema SET sql = replace(sql, 'length(CAST(external AS BLOB))', 'length(external)')
    WHERE type = 'table' AND sql IS NOT NULL;
UPDATE sqlite_schema SET sql = replace(sql, 'length(CAST(uid AS BLOB))', 'length(uid)')
    WHERE type = 'table' AND sql IS NOT NULL;
UPDATE sqlite_schema SET sql = replace(sql, 'length(name) BETWEEN 1 AND 400', 'length(name) BETWEEN 1 AND 100')
    WHERE name IN ('site', 'room', 'holiday', 'api_client');
UPDATE sqlite_schema SET sql = replace(sql, 'length(name) <= 800', 'length(name) <= 200')
    WHERE name = 'institution';
PRAGMA writable_schema = RESET;
CREATE TABLE schema_changed (x INTEGER) STRICT;
DROP TABLE schema_changed;
