-- Every table begins with org_id, which is part of every key: it is the boundary between
-- customers, and the distribution column on the day that one machine is not
-- enough. Portable SQL: no triggers, no exclusion constraints, no sequences.
-- Instants are UTC with microseconds, a working day is a date, durations are
-- whole seconds, ids are UUIDv7 made by the application.

CREATE TABLE workers (
    org_id      text        NOT NULL,
    user_id     text        NOT NULL,
    kind        text        NOT NULL CONSTRAINT workers_kind CHECK (kind IN ('employee', 'contractor')),
    name        text        NOT NULL DEFAULT '',
    email       text,
    active_from date,
    active_to   date,
    version     integer     NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    CONSTRAINT workers_pkey PRIMARY KEY (org_id, user_id),
    CONSTRAINT workers_email UNIQUE (org_id, email)
);

-- What a tracker calls a worker.
CREATE TABLE worker_identities (
    org_id     text NOT NULL,
    source     text NOT NULL,
    tracker_id text NOT NULL,
    user_id    text NOT NULL,
    CONSTRAINT worker_identities_pkey PRIMARY KEY (org_id, source, tracker_id),
    CONSTRAINT worker_identities_worker FOREIGN KEY (org_id, user_id) REFERENCES workers (org_id, user_id)
);
CREATE INDEX worker_identities_by_worker ON worker_identities (org_id, user_id);

-- One row a key (source, external_id), for good: deleted entries stay as
-- tombstones. (change .. import_id) say what the last change was and who made
-- it; write_id and position place it in the change feed. received_* is the
-- last revision that came from the source, kept apart from the present state.
CREATE TABLE entries (
    org_id            text        NOT NULL,
    id                uuid        NOT NULL,
    source            text        NOT NULL,
    external_id       text        NOT NULL,
    user_id           text        NOT NULL,
    day               date        NOT NULL,
    seconds           integer     NOT NULL CONSTRAINT entries_seconds CHECK (seconds BETWEEN 1 AND 86400),
    project           text        NOT NULL,
    task              text,
    description       text,
    billable          boolean     NOT NULL,
    started_at        timestamptz,
    time_zone         text,
    tags              jsonb,      -- an array of strings; null for none
    status            text        NOT NULL CONSTRAINT entries_status CHECK (status IN ('pending', 'approved', 'rejected')),
    version           integer     NOT NULL,
    change            text        NOT NULL,
    created_at        timestamptz NOT NULL,
    created_by        text        NOT NULL,
    updated_at        timestamptz NOT NULL,
    updated_by        text        NOT NULL,
    import_id         uuid,
    hand_by           text,       -- who made, changed or deleted it by hand last
    decided_at        timestamptz,
    decided_by        text,
    reason            text,
    deleted_at        timestamptz,
    deletion          text        CONSTRAINT entries_deletion CHECK (deletion IN ('hand', 'mirror', 'revert')),
    received_digest   bytea,
    received_stamp    timestamptz,
    write_id          uuid        NOT NULL,
    position          integer     NOT NULL,
    CONSTRAINT entries_pkey PRIMARY KEY (org_id, id),
    CONSTRAINT entries_origin UNIQUE (org_id, source, external_id)
);
CREATE INDEX entries_by_worker ON entries (org_id, user_id, day, id);
CREATE INDEX entries_by_day ON entries (org_id, day, id);
CREATE INDEX entries_by_write ON entries (org_id, write_id, position);

-- The complete earlier states of entries that were changed. The columns are
-- those of entries, in the same order; a created entry has no row here.
CREATE TABLE history (
    org_id            text        NOT NULL,
    id                uuid        NOT NULL,
    source            text        NOT NULL,
    external_id       text        NOT NULL,
    user_id           text        NOT NULL,
    day               date        NOT NULL,
    seconds           integer     NOT NULL,
    project           text        NOT NULL,
    task              text,
    description       text,
    billable          boolean     NOT NULL,
    started_at        timestamptz,
    time_zone         text,
    tags              jsonb,
    status            text        NOT NULL,
    version           integer     NOT NULL,
    change            text        NOT NULL,
    created_at        timestamptz NOT NULL,
    created_by        text        NOT NULL,
    updated_at        timestamptz NOT NULL,
    updated_by        text        NOT NULL,
    import_id         uuid,
    hand_by           text,
    decided_at        timestamptz,
    decided_by        text,
    reason            text,
    deleted_at        timestamptz,
    deletion          text,
    received_digest   bytea,
    received_stamp    timestamptz,
    write_id          uuid        NOT NULL,
    position          integer     NOT NULL,
    CONSTRAINT history_pkey PRIMARY KEY (org_id, id, version)
);
CREATE INDEX history_by_write ON history (org_id, write_id, position);

-- Every transaction that changes entries takes the organisation's next number
-- as its last statement, so that numbers are in commit order: the change feed
-- reads writes by number and joins entries and history by write_id.
CREATE TABLE write_counters (
    org_id text   NOT NULL,
    number bigint NOT NULL,
    CONSTRAINT write_counters_pkey PRIMARY KEY (org_id)
);
CREATE TABLE writes (
    org_id    text        NOT NULL,
    number    bigint      NOT NULL,
    write_id  uuid        NOT NULL,
    at        timestamptz NOT NULL,
    principal text        NOT NULL,
    import_id uuid,
    CONSTRAINT writes_pkey PRIMARY KEY (org_id, number)
);
CREATE INDEX writes_by_import ON writes (org_id, import_id, number) WHERE import_id IS NOT NULL;

-- Late changes that wait for an approver; at most one open a key.
CREATE TABLE corrections (
    org_id         text        NOT NULL,
    id             uuid        NOT NULL,
    source         text        NOT NULL,
    external_id    text        NOT NULL,
    entry_id       uuid,
    state          text        NOT NULL CONSTRAINT corrections_state CHECK (state IN ('open', 'accepted', 'dismissed', 'obsolete')),
    why            text        NOT NULL,
    deletion       boolean     NOT NULL DEFAULT false, -- proposes to delete the entry
    user_id        text,
    day            date,
    seconds        integer,
    project        text,
    task           text,
    description    text,
    billable       boolean,
    started_at     timestamptz,
    time_zone      text,
    tags           jsonb,
    digest         bytea,
    stamp          timestamptz,
    opened_at      timestamptz NOT NULL,
    proposed_at    timestamptz NOT NULL,
    proposed_by    text        NOT NULL,
    import_id      uuid,
    closed_at      timestamptz,
    closed_by      text,
    closed_reason  text,
    CONSTRAINT corrections_pkey PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX corrections_open ON corrections (org_id, source, external_id) WHERE state = 'open';
CREATE INDEX corrections_by_key ON corrections (org_id, source, external_id);

-- Loads of rows. A live run of several requests has a fence and a lease; an
-- upload of one request is a run of its own that was never live.
CREATE TABLE imports (
    org_id      text        NOT NULL,
    id          uuid        NOT NULL,
    source      text        NOT NULL,
    mode        text        NOT NULL CONSTRAINT imports_mode CHECK (mode IN ('upsert', 'mirror')),
    kind        text        NOT NULL CONSTRAINT imports_kind CHECK (kind IN ('request', 'run', 'revert', 'retry')),
    state       text        NOT NULL CONSTRAINT imports_state CHECK (state IN ('open', 'completed', 'aborted', 'expired', 'reverted')),
    dry_run     boolean     NOT NULL,
    first_day   date,
    last_day    date,
    user_ids    text[],
    fence       bigint      NOT NULL DEFAULT 0,
    lease_until timestamptz,
    base_number bigint      NOT NULL DEFAULT 0, -- the organisation's last write when it began
    cursor      text,
    cursor_before        text, -- of the source, when the run completed with a cursor
    cursor_before_import uuid,
    reverts     uuid,
    created_by  text        NOT NULL,
    started_at  timestamptz NOT NULL,
    ended_at    timestamptz,
    received    bigint      NOT NULL DEFAULT 0,
    created     bigint      NOT NULL DEFAULT 0,
    updated     bigint      NOT NULL DEFAULT 0,
    unchanged   bigint      NOT NULL DEFAULT 0,
    deleted     bigint      NOT NULL DEFAULT 0,
    conflicts   bigint      NOT NULL DEFAULT 0,
    rejected    bigint      NOT NULL DEFAULT 0,
    CONSTRAINT imports_pkey PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX imports_live ON imports (org_id, source) WHERE state = 'open' AND NOT dry_run;
CREATE INDEX imports_by_source ON imports (org_id, source, started_at, id);

-- The batches of a run, each with the report that it was answered with: the
-- same batch again gets the same answer.
CREATE TABLE import_parts (
    org_id    text        NOT NULL,
    import_id uuid        NOT NULL,
    part      integer     NOT NULL,
    digest    bytea       NOT NULL,
    report    bytea       NOT NULL,
    received  integer     NOT NULL,
    created   integer     NOT NULL,
    updated   integer     NOT NULL,
    unchanged integer     NOT NULL,
    conflicts integer     NOT NULL,
    rejected  integer     NOT NULL,
    unreadable integer    NOT NULL DEFAULT 0, -- rows whose key could not be read
    text_bytes integer    NOT NULL DEFAULT 0, -- of kept rows
    at        timestamptz NOT NULL,
    CONSTRAINT import_parts_pkey PRIMARY KEY (org_id, import_id, part)
);

-- Rows that were refused or are in conflict: kept, never lost.
CREATE TABLE import_rows (
    org_id         text        NOT NULL,
    import_id      uuid        NOT NULL,
    part           integer     NOT NULL,
    row_index      integer     NOT NULL,
    source         text        NOT NULL,
    external_id    text,       -- null when it could not be read
    digest         bytea       NOT NULL, -- of the content, or of the text where it has none
    outcome        text        NOT NULL CONSTRAINT import_rows_outcome CHECK (outcome IN ('rejected', 'conflict')),
    code           text        NOT NULL,
    field          text        NOT NULL DEFAULT '',
    detail         text        NOT NULL,
    correction_id  uuid,
    known          boolean     NOT NULL,
    row_text       bytea,      -- as received; null when text_truncated
    text_truncated boolean     NOT NULL,
    at             timestamptz NOT NULL,
    CONSTRAINT import_rows_pkey PRIMARY KEY (org_id, import_id, part, row_index)
);
CREATE INDEX import_rows_by_key ON import_rows (org_id, source, external_id, at);
CREATE INDEX import_rows_by_digest ON import_rows (org_id, source, digest);

-- Answers that were given, by Idempotency-Key. A claim without an answer is
-- being worked on until its lease ends.
CREATE TABLE idempotency_keys (
    org_id      text        NOT NULL,
    principal   text        NOT NULL,
    route       text        NOT NULL,
    key         text        NOT NULL,
    request     bytea       NOT NULL, -- digest of body, query and If-Match
    fence       bigint      NOT NULL,
    lease_until timestamptz NOT NULL,
    status      integer,
    headers     jsonb,
    body        bytea,
    created_at  timestamptz NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (org_id, principal, route, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (org_id, created_at);
