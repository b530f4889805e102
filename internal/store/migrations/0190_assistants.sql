-- Assistants, threads, messages, runs and their steps: see package assistants. JSON columns hold what package
-- assistants/object writes.
CREATE TABLE assistants (
    id               TEXT   PRIMARY KEY,
    org_id           TEXT   NOT NULL,
    project_id       TEXT   NOT NULL,
    name             TEXT,            -- NULL was never given
    description      TEXT,
    model            TEXT   NOT NULL, -- as asked for
    instructions     TEXT,
    tools            TEXT   NOT NULL, -- JSON: list
    vector_store_id  TEXT   NOT NULL, -- that file search looks in; empty is none
    own_store        BOOLEAN NOT NULL, -- the vector store was made for the files of v1, and goes with them
    metadata         TEXT   NOT NULL, -- JSON: object of texts
    temperature      DOUBLE PRECISION,
    top_p            DOUBLE PRECISION,
    response_format  TEXT,            -- JSON; NULL is auto
    reasoning_effort TEXT   NOT NULL, -- empty is the model's own
    created_at       BIGINT NOT NULL,
    updated_at       BIGINT NOT NULL
);

CREATE INDEX assistants_project ON assistants (org_id, project_id, created_at, id);

-- Files of an assistant: of Code Interpreter, of file search's own store, or both.
CREATE TABLE assistant_files (
    assistant_id TEXT    NOT NULL REFERENCES assistants (id) ON DELETE CASCADE,
    file_id      TEXT    NOT NULL,
    org_id       TEXT    NOT NULL,
    project_id   TEXT    NOT NULL,
    code         BOOLEAN NOT NULL, -- in tool_resources.code_interpreter.file_ids
    search       BOOLEAN NOT NULL, -- in the store that was made for v1
    position     BIGINT  NOT NULL, -- order within the assistant, which is that of being attached
    created_at   BIGINT  NOT NULL,
    PRIMARY KEY (assistant_id, file_id)
);

CREATE INDEX assistant_files_file ON assistant_files (org_id, file_id);

CREATE TABLE threads (
    id              TEXT    PRIMARY KEY,
    org_id          TEXT    NOT NULL,
    project_id      TEXT    NOT NULL,
    code_files      TEXT,             -- JSON: ids of files for Code Interpreter; NULL was never given
    vector_store_id TEXT    NOT NULL, -- that file search looks in; empty is none
    own_store       BOOLEAN NOT NULL, -- it was made for files attached to messages
    metadata        TEXT    NOT NULL,
    message_count   BIGINT  NOT NULL, -- messages that are there
    next_position   BIGINT  NOT NULL, -- of the next message
    created_at      BIGINT  NOT NULL,
    updated_at      BIGINT  NOT NULL,
    deleted_at      BIGINT  NOT NULL  -- 0; else it is gone, and a job removes what it held
);

CREATE INDEX threads_project ON threads (org_id, project_id, created_at, id);
CREATE INDEX threads_deleted ON threads (deleted_at) WHERE deleted_at > 0;

CREATE TABLE thread_messages (
    id            TEXT   PRIMARY KEY,
    thread_id     TEXT   NOT NULL REFERENCES threads (id) ON DELETE CASCADE,
    org_id        TEXT   NOT NULL,
    project_id    TEXT   NOT NULL,
    position      BIGINT NOT NULL, -- 0, 1, … in the thread; gaps where messages were deleted
    role          TEXT   NOT NULL, -- user, assistant
    status        TEXT   NOT NULL, -- in_progress, incomplete, completed
    content       TEXT   NOT NULL, -- JSON: typed parts
    attachments   TEXT   NOT NULL, -- JSON: files with the tools that they are for
    incomplete    TEXT   NOT NULL, -- why; empty unless incomplete
    assistant_id  TEXT   NOT NULL, -- empty for a user's
    run_id        TEXT   NOT NULL, -- that wrote it; empty for what a request wrote
    metadata      TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    completed_at  BIGINT NOT NULL, -- 0 is never
    incomplete_at BIGINT NOT NULL,
    UNIQUE (thread_id, position)
);

CREATE INDEX thread_messages_run ON thread_messages (thread_id, run_id, position) WHERE run_id <> '';
CREATE INDEX thread_messages_org ON thread_messages (org_id);

CREATE TABLE thread_runs (
    id                    TEXT    PRIMARY KEY,
    thread_id             TEXT    NOT NULL REFERENCES threads (id) ON DELETE CASCADE,
    org_id                TEXT    NOT NULL,
    project_id            TEXT    NOT NULL,
    assistant_id          TEXT    NOT NULL,
    status                TEXT    NOT NULL,
    model                 TEXT    NOT NULL,
    instructions          TEXT    NOT NULL,
    tools                 TEXT    NOT NULL,
    files                 TEXT    NOT NULL, -- JSON: ids of the assistant's files, as v1 names them
    resources             TEXT    NOT NULL, -- JSON: what the assistant's and the thread's tools may reach
    metadata              TEXT    NOT NULL,
    temperature           DOUBLE PRECISION,
    top_p                 DOUBLE PRECISION,
    max_prompt_tokens     BIGINT,
    max_completion_tokens BIGINT,
    truncation            TEXT    NOT NULL, -- JSON
    tool_choice           TEXT    NOT NULL, -- JSON
    parallel_tool_calls   BOOLEAN NOT NULL,
    response_format       TEXT,             -- JSON; NULL is auto
    reasoning_effort      TEXT    NOT NULL,
    required_action       TEXT,             -- JSON: calls that wait for the caller's answers
    last_error            TEXT,             -- JSON: code and message
    incomplete            TEXT    NOT NULL, -- why; empty unless incomplete
    usage                 TEXT,             -- JSON: tokens; NULL until the end
    created_at            BIGINT  NOT NULL,
    expires_at            BIGINT  NOT NULL,
    started_at            BIGINT  NOT NULL, -- 0 is never, as of the others
    cancelled_at          BIGINT  NOT NULL,
    failed_at             BIGINT  NOT NULL,
    completed_at          BIGINT  NOT NULL,
    updated_at            BIGINT  NOT NULL,
    -- Execution: see package assistants/runs.
    server_id             TEXT,             -- which process holds it; NULL is none
    actor                 TEXT,             -- JSON: on whose behalf it runs
    cursor                TEXT              -- JSON: how far it got
);

CREATE INDEX thread_runs_thread ON thread_runs (thread_id, created_at, id);
CREATE INDEX thread_runs_org ON thread_runs (org_id);
-- One active run of a thread, whoever asks at the same moment; and what a server looks through when it starts.
CREATE UNIQUE INDEX thread_runs_active ON thread_runs (thread_id) WHERE status IN ('queued', 'in_progress', 'requires_action', 'cancelling');

CREATE TABLE thread_run_steps (
    id           TEXT   PRIMARY KEY,
    run_id       TEXT   NOT NULL REFERENCES thread_runs (id) ON DELETE CASCADE,
    thread_id    TEXT   NOT NULL REFERENCES threads (id) ON DELETE CASCADE,
    org_id       TEXT   NOT NULL,
    project_id   TEXT   NOT NULL,
    assistant_id TEXT   NOT NULL,
    position     BIGINT NOT NULL, -- 0, 1, … in the run
    type         TEXT   NOT NULL, -- message_creation, tool_calls
    status       TEXT   NOT NULL, -- in_progress, cancelled, failed, completed, expired
    details      TEXT   NOT NULL, -- JSON: the message or the calls
    last_error   TEXT,
    usage        TEXT,
    metadata     TEXT   NOT NULL,
    context      TEXT,            -- JSON: what of the thread the model saw, and what was left out
    created_at   BIGINT NOT NULL,
    expired_at   BIGINT NOT NULL, -- 0 is never, as of the others
    cancelled_at BIGINT NOT NULL,
    failed_at    BIGINT NOT NULL,
    completed_at BIGINT NOT NULL,
    UNIQUE (run_id, position)
);

CREATE INDEX thread_run_steps_thread ON thread_run_steps (thread_id);
CREATE INDEX thread_run_steps_org ON thread_run_steps (org_id);
