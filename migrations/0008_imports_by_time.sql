-- The list of all imports, newest first, without a source named.
CREATE INDEX imports_by_time ON imports (org_id, started_at, id);
