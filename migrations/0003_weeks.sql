-- Weeks on their way to being paid, and what approvers do about late changes.

-- A worker's week to which something has happened; without a row it is open.
-- entries, seconds and digest say what is approved.
CREATE TABLE weeks (
    org_id  text    NOT NULL,
    user_id text    NOT NULL,
    monday  date    NOT NULL,
    state   text    NOT NULL CONSTRAINT weeks_state CHECK (state IN ('open', 'submitted', 'approved', 'rejected')),
    version integer NOT NULL,
    amended boolean NOT NULL,
    entries integer,
    seconds bigint,
    digest  bytea,
    CONSTRAINT weeks_pkey PRIMARY KEY (org_id, user_id, monday),
    CONSTRAINT weeks_monday CHECK (extract(isodow FROM monday) = 1),
    CONSTRAINT weeks_seal CHECK ((state = 'approved') = (digest IS NOT NULL AND entries IS NOT NULL AND seconds IS NOT NULL))
);
CREATE INDEX weeks_by_monday ON weeks (org_id, monday, user_id);
CREATE INDEX weeks_by_state ON weeks (org_id, state, monday, user_id);

-- All that ever happened to a week, from number 1; kept for good. What was
-- approved stands with the approval, and with each amendment.
CREATE TABLE week_moves (
    org_id  text        NOT NULL,
    user_id text        NOT NULL,
    monday  date        NOT NULL,
    number  integer     NOT NULL,
    move    text        NOT NULL CONSTRAINT week_moves_move CHECK (move IN ('submitted', 'withdrawn', 'approved', 'rejected', 'reopened', 'amended')),
    at      timestamptz NOT NULL,
    moved_by text       NOT NULL,
    reason  text,
    entries integer,
    seconds bigint,
    digest  bytea,
    CONSTRAINT week_moves_pkey PRIMARY KEY (org_id, user_id, monday, number)
);

-- 1 when opened, one more with each newer proposal.
ALTER TABLE corrections ADD COLUMN version integer NOT NULL DEFAULT 1;

-- Lists of corrections, newest first, and those that concern a week.
CREATE INDEX corrections_by_time ON corrections (org_id, state, opened_at, id);
CREATE INDEX corrections_by_day ON corrections (org_id, user_id, day) WHERE state = 'open';
CREATE INDEX corrections_by_entry ON corrections (org_id, entry_id) WHERE state = 'open';

-- What somebody was the last to change by hand: they do not approve it.
CREATE INDEX entries_by_hand ON entries (org_id, hand_by) WHERE hand_by IS NOT NULL;
