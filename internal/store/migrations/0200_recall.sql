-- What the model sees of long threads: see package assistants/recall.
CREATE TABLE thread_summaries (
    thread_id  TEXT   PRIMARY KEY REFERENCES threads (id) ON DELETE CASCADE,
    org_id     TEXT   NOT NULL,
    project_id TEXT   NOT NULL,
    through    BIGINT NOT NULL, -- position of the newest message that the summary has; -1 is none
    summary    TEXT   NOT NULL,
    indexed    BIGINT NOT NULL, -- how many messages thread_terms has
    updated_at BIGINT NOT NULL
);

CREATE INDEX thread_summaries_org ON thread_summaries (org_id);

CREATE TABLE thread_terms (
    thread_id  TEXT   NOT NULL REFERENCES threads (id) ON DELETE CASCADE,
    term       TEXT   NOT NULL, -- a word in lower case
    org_id     TEXT   NOT NULL,
    project_id TEXT   NOT NULL,
    positions  TEXT   NOT NULL, -- JSON: of the newest messages that have it, growing
    messages   BIGINT NOT NULL, -- how many have it
    PRIMARY KEY (thread_id, term)
);

CREATE INDEX thread_terms_org ON thread_terms (org_id);
