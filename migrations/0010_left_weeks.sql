-- What somebody was the last to change by hand: nothing asks for it any more. It goes
-- first, since it takes the strongest lock: who has the table waits for the migration,
-- or it for them, but not both.
DROP INDEX entries_by_hand;
-- What was once in a week, and may have been taken out of it: who took an entry out by
-- hand does not approve the week, whoever has touched the entry since.
CREATE INDEX history_by_week ON history (user_id, org_id, day);
