-- What runs of several requests need.

-- One row a source: it hands out fences, and is what the start and the end of
-- runs wait for. The cursor is that of the last completed run that set one.
CREATE TABLE sources (
    org_id        text   NOT NULL,
    source        text   NOT NULL,
    fence         bigint NOT NULL,
    cursor        text,
    cursor_import uuid,
    CONSTRAINT sources_pkey PRIMARY KEY (org_id, source)
);

-- The keys that a mirror run brought; dropped when it ends.
CREATE TABLE import_keys (
    org_id      text NOT NULL,
    import_id   uuid NOT NULL,
    external_id text NOT NULL,
    CONSTRAINT import_keys_pkey PRIMARY KEY (org_id, import_id, external_id)
);

-- Keys whose last receipt was refused, and where that row is kept: what a
-- retry judges again.
CREATE TABLE refused_keys (
    org_id      text    NOT NULL,
    source      text    NOT NULL,
    external_id text    NOT NULL,
    code        text    NOT NULL,
    day         date,   -- of the row's content, as far as it could be read
    user_id     text,   -- likewise
    import_id   uuid    NOT NULL,
    part        integer NOT NULL,
    row_index   integer NOT NULL,
    at          timestamptz NOT NULL, -- when it was received
    outdated    boolean NOT NULL DEFAULT false, -- a mirror has found since that the source no longer has it
    CONSTRAINT refused_keys_pkey PRIMARY KEY (org_id, source, external_id)
);

-- What was last received before a run and after it, of entries that the run
-- received something new about without changing them.
CREATE TABLE received_before (
    org_id    text NOT NULL,
    import_id uuid NOT NULL,
    entry_id  uuid NOT NULL,
    digest    bytea,
    stamp     timestamptz,
    after_digest bytea,
    after_stamp  timestamptz,
    CONSTRAINT received_before_pkey PRIMARY KEY (org_id, import_id, entry_id)
);

CREATE UNIQUE INDEX writes_by_id ON writes (org_id, write_id);

-- When something was last received of the entry that did not change it, by the
-- database's clock. History has the same columns, and does not keep it.
ALTER TABLE entries ADD COLUMN received_at timestamptz;
ALTER TABLE history ADD COLUMN received_at timestamptz;

-- When the run began, by the database's clock.
ALTER TABLE imports ADD COLUMN begun_at timestamptz NOT NULL DEFAULT now();

-- Records of dry runs are dropped after a day.
CREATE INDEX imports_dry ON imports (org_id, started_at) WHERE dry_run;

-- The last completed import of each source.
CREATE INDEX imports_completed ON imports (org_id, source, ended_at, id) WHERE state = 'completed' AND NOT dry_run;
