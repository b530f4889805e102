-- Rows of usage are found by their time: one index serves that and keeps a row that is sent again from
-- being counted twice. The one by id alone was written for each row and never asked.
CREATE TABLE usage_events_by_key (
    id                TEXT NOT NULL,
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
    first_token_ms    BIGINT NOT NULL,
    PRIMARY KEY (org_id, created_at, id)
);
INSERT INTO usage_events_by_key (id, org_id, project_id, user_id, key_id, request_id, created_at, op, model, served_model,
    prompt_tokens, cached_tokens, completion_tokens, status, latency_ms, first_token_ms)
    SELECT id, org_id, project_id, user_id, key_id, request_id, created_at, op, model, served_model,
    prompt_tokens, cached_tokens, completion_tokens, status, latency_ms, first_token_ms FROM usage_events;
DROP TABLE usage_events;
ALTER TABLE usage_events_by_key RENAME TO usage_events;
