-- Requests for an increase of limits: see package limits/increase.
CREATE TABLE limit_requests (
    id            TEXT   PRIMARY KEY,
    org_id        TEXT   NOT NULL,
    subject       TEXT   NOT NULL, -- organization, project or user
    subject_id    TEXT   NOT NULL, -- empty: the organization
    model         TEXT   NOT NULL, -- empty: each model
    reason        TEXT   NOT NULL,
    wanted        TEXT   NOT NULL, -- JSON: only what was asked for
    in_force      TEXT   NOT NULL, -- JSON: what was in force then
    evidence      TEXT   NOT NULL, -- JSON: use by day of the 30 days before, taken by the server
    state         TEXT   NOT NULL, -- open, approved, denied or withdrawn
    created_at    BIGINT NOT NULL,
    user_id       TEXT   NOT NULL, -- who asked; empty for a service account
    user_email    TEXT   NOT NULL,
    decided_at    BIGINT NOT NULL, -- 0: not yet
    decided_by    TEXT   NOT NULL, -- e-mail address of who decided; empty on the server's machine
    note          TEXT   NOT NULL, -- of who decided, for who asked
    granted       TEXT   -- JSON: what was set
);
CREATE UNIQUE INDEX limit_requests_open ON limit_requests (org_id, subject, subject_id, model) WHERE state = 'open';
CREATE INDEX limit_requests_by_org ON limit_requests (org_id, created_at, id);
CREATE INDEX limit_requests_by_time ON limit_requests (created_at, id);
