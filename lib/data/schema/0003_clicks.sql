-- terse-ingest knows which visits it has stored lately; an index of random ids cost a third of
-- what storing a click costs.
DROP INDEX clicks_visit;
