-- The chat page's chats: see package chats.
CREATE TABLE chats (
    id                 TEXT   PRIMARY KEY,
    org_id             TEXT   NOT NULL,
    project_id         TEXT   NOT NULL,
    user_id            TEXT   NOT NULL, -- empty for a service account's key
    title              TEXT   NOT NULL, -- empty until the first message or a rename
    title_folded       TEXT   NOT NULL, -- lower case, for the search
    model              TEXT   NOT NULL, -- as last asked for; empty is the default
    current_message_id TEXT,            -- the end of the path on show
    message_count      BIGINT NOT NULL,
    created_at         BIGINT NOT NULL,
    updated_at         BIGINT NOT NULL
);

CREATE INDEX chats_owner ON chats (org_id, project_id, user_id, updated_at, id);

CREATE TABLE chat_messages (
    id           TEXT    PRIMARY KEY,
    chat_id      TEXT    NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
    org_id       TEXT    NOT NULL,
    project_id   TEXT    NOT NULL,
    user_id      TEXT    NOT NULL,
    parent_id    TEXT    REFERENCES chat_messages (id) ON DELETE CASCADE, -- NULL is a root
    position     BIGINT  NOT NULL, -- 0, 1, … in the chat, in the order of creation
    depth        BIGINT  NOT NULL, -- 0 is a root
    role         TEXT    NOT NULL, -- user, assistant
    content      TEXT    NOT NULL, -- JSON: typed parts
    text_folded  TEXT    NOT NULL, -- the parts' text in lower case, for the search
    state        TEXT    NOT NULL, -- in_progress, completed, stopped, failed
    model        TEXT,             -- answers: as asked for
    served_model TEXT,             -- answers: what answered
    error        TEXT,             -- JSON: message and code; only when failed
    usage        TEXT,             -- JSON: tokens
    created_at   BIGINT  NOT NULL,
    updated_at   BIGINT  NOT NULL,
    UNIQUE (chat_id, position)
);

CREATE INDEX chat_messages_parent ON chat_messages (parent_id);
CREATE INDEX chat_messages_in_progress ON chat_messages (id) WHERE state = 'in_progress';
