-- Limits that were set while running: see package limits.
CREATE TABLE rate_limits (
    id         TEXT   PRIMARY KEY,
    org_id     TEXT   NOT NULL, -- empty: every organization
    subject    TEXT   NOT NULL, -- organization, project, user, key or end_user
    subject_id TEXT   NOT NULL, -- empty: each of them
    model      TEXT   NOT NULL, -- empty: each model
    figures    TEXT   NOT NULL, -- JSON: only what is set
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX rate_limits_by_place ON rate_limits (org_id, subject, subject_id, model);
