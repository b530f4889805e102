-- Usage: a row for each request of a model, by the process that wrote it, and sums of them by minute, hour and
-- day. See package usage. Money is BIGINT in billionths of a US dollar: a token may cost less than a millionth.

-- The processes that write rows. Row ids of a writer rise from id * 2^40 in the order of their commits; rolled is
-- the last one that is in the sums. Writer 0 are the rows of before.
CREATE TABLE usage_writers (
    id      BIGINT PRIMARY KEY,
    rolled  BIGINT NOT NULL,
    seen_at BIGINT NOT NULL -- when it last showed that it lives
);
INSERT INTO usage_writers (id, rolled, seen_at) VALUES (0, 0, 0);

CREATE TABLE usage_requests (
    id                INTEGER PRIMARY KEY, -- only: sqlite
    id                BIGINT NOT NULL, -- only: postgres
    created_at        BIGINT NOT NULL, -- when it ended
    org_id            TEXT   NOT NULL,
    project_id        TEXT   NOT NULL,
    user_id           TEXT   NOT NULL, -- empty for a service account's key
    key_id            TEXT   NOT NULL, -- empty for a browser session
    request_id        TEXT   NOT NULL,
    class             TEXT   NOT NULL, -- completions, embeddings, tokenize
    op                TEXT   NOT NULL, -- the route's name in the OpenAPI document; "chats" for answers on the chat page
    model             TEXT   NOT NULL, -- as asked for; empty when the request was refused before it was read
    served_model      TEXT   NOT NULL, -- empty when none answered
    model_requests    BIGINT NOT NULL, -- how many sequences or lists of inputs a model was given
    prompt_tokens     BIGINT NOT NULL,
    cached_tokens     BIGINT NOT NULL,
    completion_tokens BIGINT NOT NULL,
    status            BIGINT NOT NULL, -- of HTTP; 499: the client had gone
    code              TEXT   NOT NULL, -- of the error
    latency_ms        BIGINT NOT NULL,
    first_token_ms    BIGINT NOT NULL, -- 0: there was none
    cost              BIGINT NOT NULL,
    priced            BOOLEAN NOT NULL, -- false: no price was known, cost is 0
    PRIMARY KEY (id, created_at), -- only: postgres
    CHECK (org_id <> '')
); -- only: sqlite
) PARTITION BY RANGE (created_at); -- only: postgres
CREATE INDEX usage_requests_by_time ON usage_requests (org_id, created_at, id);

-- only: postgres
DO $months$
DECLARE
    m TIMESTAMP;
BEGIN
    FOR m IN SELECT DISTINCT date_trunc('month', to_timestamp(created_at / 1000.0) AT TIME ZONE 'UTC') FROM usage_events
    LOOP
        EXECUTE format('CREATE TABLE usage_requests_%s PARTITION OF usage_requests FOR VALUES FROM (%s) TO (%s)', to_char(m, 'YYYYMM'),
            (EXTRACT(EPOCH FROM m) * 1000)::BIGINT, (EXTRACT(EPOCH FROM m + INTERVAL '1 month') * 1000)::BIGINT);
    END LOOP;
END
$months$;
-- end only
INSERT INTO usage_requests (id, created_at, org_id, project_id, user_id, key_id, request_id, class, op, model, served_model, model_requests,
    prompt_tokens, cached_tokens, completion_tokens, status, code, latency_ms, first_token_ms, cost, priced)
    SELECT ROW_NUMBER() OVER (ORDER BY created_at, id), created_at, org_id, project_id, user_id, key_id, request_id,
    CASE op WHEN 'embeddings' THEN 'embeddings' WHEN 'search' THEN 'embeddings' WHEN 'tokenize' THEN 'tokenize' WHEN 'detokenize' THEN 'tokenize' ELSE 'completions' END,
    CASE op WHEN 'chat' THEN 'createChatCompletion' WHEN 'completions' THEN 'createCompletion' WHEN 'embeddings' THEN 'createEmbedding' ELSE op END,
    model, served_model, 1,
    prompt_tokens, cached_tokens, completion_tokens,
    CASE status WHEN 'completed' THEN 200 WHEN 'canceled' THEN 499 ELSE 500 END, '', latency_ms, first_token_ms, 0,
    prompt_tokens + completion_tokens = 0
    FROM usage_events WHERE org_id <> '';
DROP TABLE usage_events;

-- Sums over span seconds from start_at on. outcome: ok, limited (429), refused (other 4xx), canceled (499), failed (5xx).
-- l0 to l30 and f0 to f30 count requests by latency and by time to the first token: bucket i has those up to the
-- i-th of the bounds in package usage, the last one all others.
CREATE TABLE usage_rollups (
    org_id            TEXT   NOT NULL,
    kind              TEXT   NOT NULL, -- which of user, key, model, served_model and op are told apart: all; user, key, model, served, endpoint; none (project)
    span              BIGINT NOT NULL,
    start_at          BIGINT NOT NULL,
    project_id        TEXT   NOT NULL,
    user_id           TEXT   NOT NULL,
    key_id            TEXT   NOT NULL,
    model             TEXT   NOT NULL,
    served_model      TEXT   NOT NULL,
    class             TEXT   NOT NULL,
    op                TEXT   NOT NULL,
    outcome           TEXT   NOT NULL,
    requests          BIGINT NOT NULL,
    model_requests    BIGINT NOT NULL,
    prompt_tokens     BIGINT NOT NULL,
    cached_tokens     BIGINT NOT NULL,
    completion_tokens BIGINT NOT NULL,
    cost              BIGINT NOT NULL,
    unpriced          BIGINT NOT NULL, -- of requests, those whose price was not known
    l0 INTEGER NOT NULL, l1 INTEGER NOT NULL, l2 INTEGER NOT NULL, l3 INTEGER NOT NULL, l4 INTEGER NOT NULL, l5 INTEGER NOT NULL,
    l6 INTEGER NOT NULL, l7 INTEGER NOT NULL, l8 INTEGER NOT NULL, l9 INTEGER NOT NULL, l10 INTEGER NOT NULL, l11 INTEGER NOT NULL,
    l12 INTEGER NOT NULL, l13 INTEGER NOT NULL, l14 INTEGER NOT NULL, l15 INTEGER NOT NULL, l16 INTEGER NOT NULL, l17 INTEGER NOT NULL,
    l18 INTEGER NOT NULL, l19 INTEGER NOT NULL, l20 INTEGER NOT NULL, l21 INTEGER NOT NULL, l22 INTEGER NOT NULL, l23 INTEGER NOT NULL,
    l24 INTEGER NOT NULL, l25 INTEGER NOT NULL, l26 INTEGER NOT NULL, l27 INTEGER NOT NULL, l28 INTEGER NOT NULL, l29 INTEGER NOT NULL,
    l30 INTEGER NOT NULL,
    f0 INTEGER NOT NULL, f1 INTEGER NOT NULL, f2 INTEGER NOT NULL, f3 INTEGER NOT NULL, f4 INTEGER NOT NULL, f5 INTEGER NOT NULL,
    f6 INTEGER NOT NULL, f7 INTEGER NOT NULL, f8 INTEGER NOT NULL, f9 INTEGER NOT NULL, f10 INTEGER NOT NULL, f11 INTEGER NOT NULL,
    f12 INTEGER NOT NULL, f13 INTEGER NOT NULL, f14 INTEGER NOT NULL, f15 INTEGER NOT NULL, f16 INTEGER NOT NULL, f17 INTEGER NOT NULL,
    f18 INTEGER NOT NULL, f19 INTEGER NOT NULL, f20 INTEGER NOT NULL, f21 INTEGER NOT NULL, f22 INTEGER NOT NULL, f23 INTEGER NOT NULL,
    f24 INTEGER NOT NULL, f25 INTEGER NOT NULL, f26 INTEGER NOT NULL, f27 INTEGER NOT NULL, f28 INTEGER NOT NULL, f29 INTEGER NOT NULL,
    f30 INTEGER NOT NULL,
    PRIMARY KEY (org_id, kind, span, start_at, project_id, user_id, key_id, model, served_model, class, op, outcome)
) WITHOUT ROWID; -- only: sqlite
); -- only: postgres
