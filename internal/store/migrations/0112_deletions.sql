-- Deletions of organizations and accounts: see package deletion. What is kept of them is the proof.
CREATE TABLE deletions (
    id          TEXT   PRIMARY KEY,
    kind        TEXT   NOT NULL, -- organization, account
    subject_id  TEXT   NOT NULL, -- the organization's or the user's id
    name        TEXT   NOT NULL, -- of the organization; empty for an account
    user_id     TEXT   NOT NULL, -- who asked for it; empty: the operator on the server's machine
    state       TEXT   NOT NULL, -- running, done
    now_at      TEXT   NOT NULL, -- the table that is being emptied
    counts      TEXT   NOT NULL, -- JSON: rows deleted by table
    users       TEXT   NOT NULL, -- JSON list of accounts that go with an organization
    sweeps      BIGINT NOT NULL DEFAULT 0, -- how often it was looked for what came late
    created_at  BIGINT NOT NULL,
    finished_at BIGINT NOT NULL DEFAULT 0, -- 0: not yet
    checked_at  BIGINT NOT NULL DEFAULT 0  -- the last of the sweeps
);
CREATE INDEX deletions_by_time ON deletions (created_at, id);
