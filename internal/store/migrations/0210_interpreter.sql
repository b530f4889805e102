-- Sessions of Code Interpreter and the files in them: see package interpreter.

CREATE TABLE interpreter_sessions (
    id         TEXT    PRIMARY KEY,
    org_id     TEXT    NOT NULL,
    project_id TEXT    NOT NULL,
    owner      TEXT    NOT NULL, -- what the session belongs to: a thread, a container
    server_id  TEXT    NOT NULL, -- who runs its sandbox
    runs       BIGINT  NOT NULL, -- how often code was run
    millis     BIGINT  NOT NULL, -- how long all of it ran
    started_at BIGINT  NOT NULL,
    ended_at   BIGINT  NOT NULL, -- 0: it lives, or its server was killed
    why        TEXT    NOT NULL  -- why it ended: idle, closed, memory, failed, killed
);
CREATE INDEX interpreter_sessions_by_owner ON interpreter_sessions (org_id, project_id, owner, started_at);
CREATE INDEX interpreter_sessions_open ON interpreter_sessions (ended_at) WHERE ended_at = 0;

-- What lies, or lay, in /mnt/data of an owner's session, by file of the project: a session is made anew from it.
CREATE TABLE interpreter_files (
    org_id     TEXT    NOT NULL,
    project_id TEXT    NOT NULL,
    owner      TEXT    NOT NULL,
    path       TEXT    NOT NULL, -- below /mnt/data
    file_id    TEXT    NOT NULL,
    given      BIGINT  NOT NULL, -- 1: attached by the user; 0: made in the session
    updated_at BIGINT  NOT NULL,
    PRIMARY KEY (org_id, project_id, owner, path)
);
CREATE INDEX interpreter_files_by_file ON interpreter_files (file_id);
