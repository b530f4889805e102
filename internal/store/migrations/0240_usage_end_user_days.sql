-- Sums by end user and day alone, of which there are fewer by far than with model, class and outcome: what lists and charts of end users read.
-- See package usage. They go with the rows that they were made of.
CREATE TABLE usage_end_user_days (
    org_id            TEXT   NOT NULL,
    start_at          BIGINT NOT NULL,
    project_id        TEXT   NOT NULL,
    end_user          TEXT   NOT NULL,
    errors            BIGINT NOT NULL, -- of requests, those that were limited, refused or failed
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
    PRIMARY KEY (org_id, start_at, project_id, end_user)
) WITHOUT ROWID; -- only: sqlite
); -- only: postgres
INSERT INTO usage_end_user_days (
    org_id, start_at, project_id, end_user, errors, requests, model_requests, prompt_tokens, cached_tokens, completion_tokens, cost, cached_cost,
    output_cost, unpriced, l0, l1, l2, l3, l4, l5, l6, l7, l8, l9, l10, l11, l12, l13, l14, l15, l16, l17, l18, l19, l20, l21, l22, l23, l24, l25,
    l26, l27, l28, l29, l30, f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19, f20, f21, f22, f23, f24, f25,
    f26, f27, f28, f29, f30)
    SELECT org_id, start_at, project_id, end_user, SUM(CASE WHEN outcome IN ('limited', 'refused', 'failed') THEN requests ELSE 0 END),
    SUM(requests), SUM(model_requests), SUM(prompt_tokens), SUM(cached_tokens), SUM(completion_tokens), SUM(cost), SUM(cached_cost),
    SUM(output_cost), SUM(unpriced), SUM(l0), SUM(l1), SUM(l2), SUM(l3), SUM(l4), SUM(l5), SUM(l6), SUM(l7), SUM(l8), SUM(l9), SUM(l10), SUM(l11),
    SUM(l12), SUM(l13), SUM(l14), SUM(l15), SUM(l16), SUM(l17), SUM(l18), SUM(l19), SUM(l20), SUM(l21), SUM(l22), SUM(l23), SUM(l24), SUM(l25),
    SUM(l26), SUM(l27), SUM(l28), SUM(l29), SUM(l30), SUM(f0), SUM(f1), SUM(f2), SUM(f3), SUM(f4), SUM(f5), SUM(f6), SUM(f7), SUM(f8), SUM(f9),
    SUM(f10), SUM(f11), SUM(f12), SUM(f13), SUM(f14), SUM(f15), SUM(f16), SUM(f17), SUM(f18), SUM(f19), SUM(f20), SUM(f21), SUM(f22), SUM(f23),
    SUM(f24), SUM(f25), SUM(f26), SUM(f27), SUM(f28), SUM(f29), SUM(f30)
    FROM usage_end_users WHERE span = 86400 GROUP BY org_id, start_at, project_id, end_user;

-- And sums of all requests with an end user, by hour and day: kind end_users of usage_rollups.
INSERT INTO usage_rollups (
    org_id, kind, span, start_at, project_id, user_id, key_id, model, served_model, class, op, outcome, requests, model_requests, prompt_tokens,
    cached_tokens, completion_tokens, cost, cached_cost, output_cost, unpriced, l0, l1, l2, l3, l4, l5, l6, l7, l8, l9, l10, l11, l12, l13, l14, l15,
    l16, l17, l18, l19, l20, l21, l22, l23, l24, l25, l26, l27, l28, l29, l30, f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15,
    f16, f17, f18, f19, f20, f21, f22, f23, f24, f25, f26, f27, f28, f29, f30)
    SELECT org_id, 'end_users', span, start_at, project_id, '', '', '', '', class, '', outcome,
    SUM(requests), SUM(model_requests), SUM(prompt_tokens), SUM(cached_tokens), SUM(completion_tokens), SUM(cost), SUM(cached_cost),
    SUM(output_cost), SUM(unpriced), SUM(l0), SUM(l1), SUM(l2), SUM(l3), SUM(l4), SUM(l5), SUM(l6), SUM(l7), SUM(l8), SUM(l9), SUM(l10), SUM(l11),
    SUM(l12), SUM(l13), SUM(l14), SUM(l15), SUM(l16), SUM(l17), SUM(l18), SUM(l19), SUM(l20), SUM(l21), SUM(l22), SUM(l23), SUM(l24), SUM(l25),
    SUM(l26), SUM(l27), SUM(l28), SUM(l29), SUM(l30), SUM(f0), SUM(f1), SUM(f2), SUM(f3), SUM(f4), SUM(f5), SUM(f6), SUM(f7), SUM(f8), SUM(f9),
    SUM(f10), SUM(f11), SUM(f12), SUM(f13), SUM(f14), SUM(f15), SUM(f16), SUM(f17), SUM(f18), SUM(f19), SUM(f20), SUM(f21), SUM(f22), SUM(f23),
    SUM(f24), SUM(f25), SUM(f26), SUM(f27), SUM(f28), SUM(f29), SUM(f30)
    FROM usage_end_users GROUP BY org_id, span, start_at, project_id, class, outcome;

-- For which organizations the line of the audit log is written that says what goes before requests_from and minutes_from: those up to
-- this one in the order of their ids. Deletion may take several runs.
ALTER TABLE usage_keeping ADD COLUMN requests_told TEXT NOT NULL DEFAULT '';
ALTER TABLE usage_keeping ADD COLUMN minutes_told TEXT NOT NULL DEFAULT '';
