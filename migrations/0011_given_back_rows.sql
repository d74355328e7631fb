-- What a revert gives back of the rows that wait for a retry; and when what waits,
-- for a retry or an approver, was received, by the database's clock, the one that
-- all processes share.
ALTER TABLE refused_keys
    ADD COLUMN settled_in  uuid, -- the import that received the key since: nothing waits, until that is taken back
    ADD COLUMN outdated_in uuid, -- the mirror that found that the source no longer has it
    ADD COLUMN received_at timestamptz;
ALTER TABLE corrections
    ADD COLUMN received_at timestamptz; -- the present proposal
