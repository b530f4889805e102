-- Bodies of API requests that are kept for abuse review: see package retention. Rows are an organization's as a whole:
-- blocks hold requests of all its projects.

-- How long bodies are kept, and whether they are shared. org_id '' is the installation, for organizations that say nothing.
CREATE TABLE retention_settings (
    org_id       TEXT PRIMARY KEY,
    days         BIGINT,           -- NULL: the installation's; there, the configuration's
    shared_since BIGINT NOT NULL,  -- 0: not shared
    sample       BIGINT NOT NULL,  -- of the installation: how many of a million requests are put into the queue
    updated_at   BIGINT NOT NULL
);

-- A key for each organization and day. What it sealed is unreadable once it is destroyed.
CREATE TABLE retention_keys (
    id           TEXT PRIMARY KEY,
    org_id       TEXT NOT NULL,
    day          BIGINT NOT NULL, -- since 1970, UTC
    sealed       TEXT NOT NULL,   -- the key, sealed with the installation's (package secrets); empty: destroyed
    created_at   BIGINT NOT NULL,
    destroyed_at BIGINT NOT NULL, -- 0: it is not
    reason       TEXT NOT NULL,   -- why it was destroyed: age, setting or organization
    blocks       BIGINT NOT NULL, -- what was written with it
    requests     BIGINT NOT NULL,
    size         BIGINT NOT NULL, -- bytes as stored
    first_at     BIGINT NOT NULL, -- when the first and the last of the requests came; 0: there is none
    last_at      BIGINT NOT NULL
);
CREATE UNIQUE INDEX retention_keys_live ON retention_keys (org_id, day) WHERE destroyed_at = 0;

-- Requests with their answers, compressed together and sealed.
CREATE TABLE retention_blocks (
    id       TEXT PRIMARY KEY,
    org_id   TEXT NOT NULL,
    key_id   TEXT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at  BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    ids      BLOB NOT NULL, -- only: sqlite
    data     BLOB NOT NULL -- only: sqlite
    ids      BYTEA NOT NULL, -- only: postgres
    data     BYTEA NOT NULL -- only: postgres
); -- ids has eight letters of each request's id
CREATE INDEX retention_blocks_by_org ON retention_blocks (org_id, first_at, id);
CREATE INDEX retention_blocks_by_time ON retention_blocks (first_at, id);
CREATE INDEX retention_blocks_by_key ON retention_blocks (key_id);

-- The reviewers' queue.
CREATE TABLE review_items (
    id            TEXT PRIMARY KEY,
    org_id        TEXT NOT NULL, -- whose request it is
    project_id    TEXT NOT NULL, -- empty until a reviewer has looked
    request_id    TEXT NOT NULL,
    block_id      TEXT NOT NULL, -- where its bodies are; empty: not looked up yet
    created_at    BIGINT NOT NULL,
    source        TEXT NOT NULL, -- operator, sample or moderation
    reason        TEXT NOT NULL,
    flagged_by    TEXT NOT NULL, -- user id; empty for a program
    state         TEXT NOT NULL, -- open, claimed or decided
    claimed_by    TEXT NOT NULL, -- user id
    claimed_email TEXT NOT NULL,
    claimed_until BIGINT NOT NULL,
    looks         BIGINT NOT NULL,
    decision      TEXT NOT NULL, -- no_action or warn
    note          TEXT NOT NULL, -- the reviewers' own
    message       TEXT NOT NULL, -- to the organization
    decided_at    BIGINT NOT NULL
);
CREATE UNIQUE INDEX review_items_by_request ON review_items (org_id, request_id);
CREATE INDEX review_items_by_state ON review_items (state, created_at, id);
