-- Open disputes in the order in which they are decided: the query mark_disputed has the same
-- expression.
DROP INDEX mark_disputed;
CREATE INDEX mark_disputed ON mark (COALESCE(CASE WHEN receipt <> '' THEN CAST(round((
        json_extract(receipt, '$.similarity')
        - json_extract(receipt, '$.threshold')) * 10000) AS bigint) END, 90000),
    disputed_at, student_id, session_id) WHERE disputed_at > 0;
