-- Lists show what lives, the newest day first: by day, and by each of their
-- filters but the worker, which has an index already.
DROP INDEX entries_by_day;
CREATE INDEX entries_by_day ON entries (org_id, day, id) WHERE deleted_at IS NULL;
CREATE INDEX entries_by_status ON entries (org_id, status, day, id) WHERE deleted_at IS NULL;
CREATE INDEX entries_by_project ON entries (org_id, project, day, id) WHERE deleted_at IS NULL;
CREATE INDEX entries_by_source ON entries (org_id, source, day, id) WHERE deleted_at IS NULL;
CREATE INDEX entries_by_import ON entries (org_id, import_id, day, id) WHERE deleted_at IS NULL AND import_id IS NOT NULL;
