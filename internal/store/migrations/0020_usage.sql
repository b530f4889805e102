-- One row for each admitted operation; only ever appended to.
CREATE TABLE usage_events (
    id                TEXT PRIMARY KEY,
    org_id            TEXT NOT NULL,
    project_id        TEXT NOT NULL,
    user_id           TEXT NOT NULL,
    key_id            TEXT NOT NULL,
    request_id        TEXT NOT NULL,
    created_at        BIGINT NOT NULL,
    op                TEXT NOT NULL,
    model             TEXT NOT NULL,
    served_model      TEXT NOT NULL,
    prompt_tokens     BIGINT NOT NULL,
    cached_tokens     BIGINT NOT NULL,
    completion_tokens BIGINT NOT NULL,
    status            TEXT NOT NULL,
    latency_ms        BIGINT NOT NULL,
    first_token_ms    BIGINT NOT NULL
);
CREATE INDEX usage_events_by_time ON usage_events (org_id, created_at);
