-- Responses and conversations: see package responses. JSON columns hold what that package writes.
CREATE TABLE conversations (
    id            TEXT   PRIMARY KEY,
    org_id        TEXT   NOT NULL,
    project_id    TEXT   NOT NULL,
    metadata      TEXT   NOT NULL, -- JSON: object of texts
    next_position BIGINT NOT NULL, -- of the next item
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL
);

CREATE INDEX conversations_project ON conversations (org_id, project_id, created_at, id);

CREATE TABLE conversation_items (
    conversation_id TEXT   NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    position        BIGINT NOT NULL, -- 0, 1, …; gaps where items were deleted
    id              TEXT   NOT NULL,
    org_id          TEXT   NOT NULL,
    project_id      TEXT   NOT NULL,
    item            TEXT   NOT NULL, -- JSON
    PRIMARY KEY (conversation_id, position)
);

CREATE UNIQUE INDEX conversation_items_id ON conversation_items (conversation_id, id);
CREATE INDEX conversation_items_project ON conversation_items (org_id, project_id, id);

CREATE TABLE responses (
    id              TEXT    PRIMARY KEY,
    org_id          TEXT    NOT NULL,
    project_id      TEXT    NOT NULL,
    status          TEXT    NOT NULL,
    body            TEXT    NOT NULL, -- JSON: as the API shows it, without the output
    previous_id     TEXT    NOT NULL, -- the response that it continues; empty is none
    conversation_id TEXT    NOT NULL, -- empty is none
    container_id    TEXT    NOT NULL, -- session of Code Interpreter; empty is none
    background      BOOLEAN NOT NULL,
    streamed        BOOLEAN NOT NULL, -- its events were asked for
    server_id       TEXT,             -- which process executes it; NULL is none
    actor           TEXT,             -- JSON: on whose behalf; NULL when it is not executed without its client
    cursor          TEXT,             -- JSON: how far it got
    created_at      BIGINT  NOT NULL,
    updated_at      BIGINT  NOT NULL
);

CREATE INDEX responses_project ON responses (org_id, project_id, created_at, id);
CREATE INDEX responses_open ON responses (status) WHERE status IN ('queued', 'in_progress');

CREATE TABLE response_items (
    response_id TEXT    NOT NULL REFERENCES responses (id) ON DELETE CASCADE,
    position    BIGINT  NOT NULL, -- 0, 1, …: the input, then the output
    id          TEXT    NOT NULL,
    org_id      TEXT    NOT NULL,
    project_id  TEXT    NOT NULL,
    output      BOOLEAN NOT NULL,
    item        TEXT    NOT NULL, -- JSON
    PRIMARY KEY (response_id, position)
);

CREATE INDEX response_items_project ON response_items (org_id, project_id, id);
