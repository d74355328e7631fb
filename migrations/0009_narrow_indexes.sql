-- New entries pay for each index by finding their place in it, and most where the
-- places before it are the same two texts over and over: a text is compared as one,
-- and what stands behind a text has no fixed place in its row. Here one number stands
-- for both texts. It is not theirs alone, so whoever looks for it asks for them too.
DROP INDEX entries_by_status, entries_by_project, entries_by_source;
CREATE INDEX entries_by_status ON entries (hashtextextended(status, hashtextextended(org_id, 0)), day, id)
    WITH (deduplicate_items = off) WHERE deleted_at IS NULL;
CREATE INDEX entries_by_project ON entries (hashtextextended(project, hashtextextended(org_id, 0)), day, id)
    WITH (deduplicate_items = off) WHERE deleted_at IS NULL;
CREATE INDEX entries_by_source ON entries (hashtextextended(source, hashtextextended(org_id, 0)), day, id)
    WITH (deduplicate_items = off) WHERE deleted_at IS NULL;
-- How often each number occurs decides which of these a list is read by, and the
-- planner does not look for that in an index that leaves rows out.
CREATE STATISTICS entries_of_status ON (hashtextextended(status, hashtextextended(org_id, 0))) FROM entries;
CREATE STATISTICS entries_of_project ON (hashtextextended(project, hashtextextended(org_id, 0))) FROM entries;
CREATE STATISTICS entries_of_source ON (hashtextextended(source, hashtextextended(org_id, 0))) FROM entries;
ANALYZE entries;
