-- Marks that nobody saw: the absences written when a session closes have the source `rule`.

ALTER TABLE mark DROP CONSTRAINT mark_source;
ALTER TABLE mark ADD CONSTRAINT mark_source
    CHECK (source IN ('face', 'code', 'manual', 'import', 'rule'));
