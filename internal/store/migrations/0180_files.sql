-- Files of the API, and resumable uploads of them: see package files. Contents lie in the blob store.

CREATE TABLE files (
    id             TEXT    PRIMARY KEY,
    org_id         TEXT    NOT NULL,
    project_id     TEXT    NOT NULL,
    name           TEXT    NOT NULL, -- as the client called it, without directories
    name_folded    TEXT    NOT NULL, -- in small letters, for the search
    purpose        TEXT    NOT NULL, -- fine-tune, assistants, ...
    media_type     TEXT    NOT NULL, -- as told, or by the name's ending; empty: unknown
    bytes          BIGINT  NOT NULL,
    sha256         TEXT    NOT NULL,
    blob_key       TEXT    NOT NULL,
    status         TEXT    NOT NULL, -- uploaded, processed, error
    status_details TEXT    NOT NULL, -- why it is an error; empty: it is none
    created_at     BIGINT  NOT NULL,
    expires_at     BIGINT  NOT NULL  -- 0: never
);
CREATE INDEX files_by_project ON files (org_id, project_id, created_at, id);
CREATE INDEX files_by_expiry ON files (expires_at) WHERE expires_at > 0;
CREATE UNIQUE INDEX files_by_blob ON files (blob_key);

-- Contents of which the blob store may hold something. A row is written before the content is, so that what a killed
-- server left is known and removed.
CREATE TABLE file_blobs (
    blob_key   TEXT    PRIMARY KEY,
    state      TEXT    NOT NULL, -- writing, kept, doomed
    server_id  TEXT    NOT NULL, -- who writes it; empty: nobody any more
    created_at BIGINT  NOT NULL
);
CREATE INDEX file_blobs_open ON file_blobs (state) WHERE state <> 'kept';

-- What an organization has stored, and may store.
CREATE TABLE file_totals (
    org_id    TEXT    PRIMARY KEY,
    bytes     BIGINT  NOT NULL, -- of its files, and those that its open uploads announced
    files     BIGINT  NOT NULL,
    max_bytes BIGINT           -- NULL: as the installation's setting says
);

CREATE TABLE uploads (
    id            TEXT    PRIMARY KEY,
    org_id        TEXT    NOT NULL,
    project_id    TEXT    NOT NULL,
    name          TEXT    NOT NULL,
    purpose       TEXT    NOT NULL,
    media_type    TEXT    NOT NULL,
    bytes         BIGINT  NOT NULL, -- as announced
    status        TEXT    NOT NULL, -- pending, completed, cancelled, expired
    file_id       TEXT,             -- of a completed one
    keep_seconds  BIGINT  NOT NULL, -- when the file expires after its creation; 0: never
    created_at    BIGINT  NOT NULL,
    expires_at    BIGINT  NOT NULL
);
CREATE INDEX uploads_by_org ON uploads (org_id, created_at);
CREATE INDEX uploads_open ON uploads (expires_at) WHERE status = 'pending';

CREATE TABLE upload_parts (
    id         TEXT    PRIMARY KEY,
    upload_id  TEXT    NOT NULL,
    org_id     TEXT    NOT NULL,
    project_id TEXT    NOT NULL,
    bytes      BIGINT  NOT NULL,
    blob_key   TEXT    NOT NULL,
    created_at BIGINT  NOT NULL
);
CREATE INDEX upload_parts_by_upload ON upload_parts (upload_id);
CREATE UNIQUE INDEX upload_parts_by_blob ON upload_parts (blob_key);
CREATE INDEX upload_parts_by_org ON upload_parts (org_id);
