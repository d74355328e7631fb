-- The strongest lock that follows, first: who has the table waits for it, or it
-- for them, but not both.
LOCK TABLE imports;
-- The list of all imports, newest first, without a source named.
CREATE INDEX imports_by_time ON imports (org_id, started_at, id);
-- Made anew to be the last: of indexes that it takes for equally good, as long as
-- nobody has analyzed the table, the planner takes the one that was made last.
ALTER TABLE imports DROP CONSTRAINT imports_pkey, ADD CONSTRAINT imports_pkey PRIMARY KEY (org_id, id);
