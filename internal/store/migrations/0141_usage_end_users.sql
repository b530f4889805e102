-- Usage by end user (the `user` of requests), and keys whose usage is not counted apart. See package usage.
ALTER TABLE usage_requests ADD COLUMN end_user TEXT NOT NULL DEFAULT '';
ALTER TABLE usage_requests ADD COLUMN untracked BOOLEAN NOT NULL DEFAULT FALSE; -- the key is in no sum
CREATE INDEX usage_requests_by_end_user ON usage_requests (org_id, end_user, created_at, id) WHERE end_user <> '';

-- Until now the usage of every key was counted apart, whatever was set.
UPDATE api_keys SET track_usage = TRUE;

-- Sums by end user and model, of hours and days: columns are those of usage_rollups. There may be many, so they go with the
-- rows that they were made of.
CREATE TABLE usage_end_users (
    org_id            TEXT   NOT NULL,
    span              BIGINT NOT NULL,
    start_at          BIGINT NOT NULL,
    project_id        TEXT   NOT NULL,
    end_user          TEXT   NOT NULL,
    model             TEXT   NOT NULL,
    class             TEXT   NOT NULL,
    outcome           TEXT   NOT NULL,
    requests          BIGINT NOT NULL,
    model_requests    BIGINT NOT NULL,
    prompt_tokens     BIGINT NOT NULL,
    cached_tokens     BIGINT NOT NULL,
    completion_tokens BIGINT NOT NULL,
    cost              BIGINT NOT NULL,
    cached_cost       BIGINT NOT NULL,
    output_cost       BIGINT NOT NULL,
    unpriced          BIGINT NOT NULL,
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
    PRIMARY KEY (org_id, span, start_at, project_id, end_user, model, class, outcome)
) WITHOUT ROWID; -- only: sqlite
); -- only: postgres
