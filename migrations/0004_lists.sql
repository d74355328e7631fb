-- Lists show what lives.
DROP INDEX entries_by_day;
CREATE INDEX entries_by_day ON entries (org_id, day, id) WHERE deleted_at IS NULL;
