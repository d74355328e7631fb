-- A retry that refuses a row again keeps it as its own. Whose row it was decides
-- what a revert takes back.
ALTER TABLE refused_keys ADD COLUMN received_in uuid; -- the import that received it, when that is not import_id
