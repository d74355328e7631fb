-- What new entries pay most for is finding their places in the indexes of
-- entries: column by column, at each step down. Where one column alone tells
-- entries of two organisations apart it comes first, so that mostly nothing else
-- is compared; org_id is part of each key as before.
ALTER TABLE entries DROP CONSTRAINT entries_pkey, ADD CONSTRAINT entries_pkey PRIMARY KEY (id, org_id);
DROP INDEX entries_by_write, entries_by_import, entries_by_worker;
CREATE INDEX entries_by_write ON entries (write_id, position, org_id) WITH (deduplicate_items = off);
CREATE INDEX entries_by_import ON entries (import_id, day, id, org_id) WITH (deduplicate_items = off) WHERE deleted_at IS NULL AND import_id IS NOT NULL;
-- A person may work for several organisations, so here org_id comes before what
-- lists are sorted by.
CREATE INDEX entries_by_worker ON entries (user_id, org_id, day, id) WITH (deduplicate_items = off);
-- No two entries have the same key in any of these: a full page has nothing that
-- could be put together, and need not be searched for it.
ALTER INDEX entries_by_status SET (deduplicate_items = off);
ALTER INDEX entries_by_project SET (deduplicate_items = off);
ALTER INDEX entries_by_source SET (deduplicate_items = off);
