-- What people keep of the playground: see package presets.
CREATE TABLE presets (
    id         TEXT    PRIMARY KEY,
    org_id     TEXT    NOT NULL,
    project_id TEXT    NOT NULL, -- where it was saved
    user_id    TEXT    NOT NULL, -- whose it is: a user, or a service account
    name       TEXT    NOT NULL,
    mode       TEXT    NOT NULL, -- chat, complete, edit
    settings   TEXT    NOT NULL, -- JSON: an object that only the playground reads
    shared     BOOLEAN NOT NULL, -- the organization sees it
    created_at BIGINT  NOT NULL,
    updated_at BIGINT  NOT NULL
);

CREATE INDEX presets_owner ON presets (org_id, user_id);
