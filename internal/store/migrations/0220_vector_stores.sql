-- Vector stores: files cut into chunks that can be searched by words and by meaning. See package retrieval.
CREATE TABLE vector_stores (
    id             TEXT   PRIMARY KEY,
    org_id         TEXT   NOT NULL,
    project_id     TEXT   NOT NULL,
    name           TEXT   NOT NULL,
    description    TEXT   NOT NULL,
    metadata       TEXT   NOT NULL, -- JSON
    model          TEXT   NOT NULL, -- name of the embedding model, as of its making
    state          TEXT   NOT NULL, -- live, expired or deleted; what is not live is emptied by a job
    expires_days   BIGINT NOT NULL, -- after last_active_at; 0: it does not expire
    expires_at     BIGINT NOT NULL, -- 0: it does not expire
    last_active_at BIGINT NOT NULL,
    revision       BIGINT NOT NULL, -- grows with every change of what a search finds
    created_at     BIGINT NOT NULL
);

CREATE INDEX vector_stores_owner ON vector_stores (org_id, project_id, created_at, id);
CREATE INDEX vector_stores_due ON vector_stores (expires_at) WHERE state = 'live' AND expires_at > 0;

-- A file in a store. Attached again in another way, it is a new row.
CREATE TABLE vector_store_files (
    id               TEXT   PRIMARY KEY,
    vector_store_id  TEXT   NOT NULL REFERENCES vector_stores (id) ON DELETE CASCADE,
    file_id          TEXT   NOT NULL,
    org_id           TEXT   NOT NULL,
    project_id       TEXT   NOT NULL,
    user_id          TEXT   NOT NULL, -- who attached it, for the books of its embeddings
    key_id           TEXT   NOT NULL,
    filename         TEXT   NOT NULL,
    status           TEXT   NOT NULL, -- in_progress, completed, failed, cancelled
    error            TEXT,            -- JSON: code and message; only when failed
    attributes       TEXT   NOT NULL, -- JSON
    chunk_tokens     BIGINT NOT NULL, -- the longest chunk
    overlap_tokens   BIGINT NOT NULL,
    usage_bytes      BIGINT NOT NULL, -- of chunks, vectors and words; 0 until completed
    chunks           BIGINT NOT NULL, -- how many; 0 until completed
    served_model     TEXT   NOT NULL, -- what made the vectors; empty until there are some
    dimensions       BIGINT NOT NULL, -- of a vector; 0 until there are some
    attempts         BIGINT NOT NULL, -- how often the server failed to read it
    words            BLOB, -- only: sqlite
    words            BYTEA, -- only: postgres
    indexed_revision BIGINT NOT NULL, -- the store's when it was completed
    created_at       BIGINT NOT NULL,
    UNIQUE (vector_store_id, file_id)
); -- words has the words of its chunks (package lexical); NULL until completed

CREATE INDEX vector_store_files_list ON vector_store_files (vector_store_id, created_at, file_id);
CREATE INDEX vector_store_files_count ON vector_store_files (vector_store_id, status, usage_bytes);
CREATE INDEX vector_store_files_file ON vector_store_files (file_id);

CREATE TABLE vector_store_chunks (
    attachment_id   TEXT   NOT NULL REFERENCES vector_store_files (id) ON DELETE CASCADE,
    position        BIGINT NOT NULL, -- 0, 1, … in the file
    passage         BIGINT NOT NULL, -- number of its first passage in the file; chunks that overlap share some
    org_id          TEXT   NOT NULL,
    project_id      TEXT   NOT NULL,
    text            TEXT   NOT NULL,
    heading         TEXT   NOT NULL, -- the headings above it; empty when there are none
    page            BIGINT NOT NULL, -- where it begins, from 1; 0 when the file has no pages
    tokens          BIGINT NOT NULL,
    vectors         BLOB   NOT NULL, -- only: sqlite
    vectors         BYTEA  NOT NULL, -- only: postgres
    PRIMARY KEY (attachment_id, position)
); -- vectors has one of unit length for each of its passages, float32 in little endian

CREATE TABLE vector_store_batches (
    id              TEXT   PRIMARY KEY,
    vector_store_id TEXT   NOT NULL REFERENCES vector_stores (id) ON DELETE CASCADE,
    org_id          TEXT   NOT NULL,
    project_id      TEXT   NOT NULL,
    cancelled_at    BIGINT NOT NULL, -- 0: it was not
    created_at      BIGINT NOT NULL
);

CREATE INDEX vector_store_batches_store ON vector_store_batches (vector_store_id);

CREATE TABLE vector_store_batch_files (
    batch_id      TEXT NOT NULL REFERENCES vector_store_batches (id) ON DELETE CASCADE,
    attachment_id TEXT NOT NULL REFERENCES vector_store_files (id) ON DELETE CASCADE,
    org_id        TEXT NOT NULL,
    project_id    TEXT NOT NULL,
    PRIMARY KEY (batch_id, attachment_id)
);

CREATE INDEX vector_store_batch_files_attachment ON vector_store_batch_files (attachment_id);
