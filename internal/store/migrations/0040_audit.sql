-- The audit log: see package audit. Lines are added and never changed; the database refuses all else.
CREATE TABLE audit_log (
    id              TEXT PRIMARY KEY,
    org_id          TEXT NOT NULL,
    project_id      TEXT NOT NULL, -- empty: not of one project
    created_at      BIGINT NOT NULL,
    type            TEXT NOT NULL,
    object_id       TEXT NOT NULL, -- what it was done to
    user_id         TEXT NOT NULL, -- who did it; empty for a service account
    user_email      TEXT NOT NULL,
    service_account TEXT NOT NULL,
    key_id          TEXT NOT NULL, -- how: by a key, a browser session, or neither: on the server's machine
    session_id      TEXT NOT NULL,
    ip              TEXT NOT NULL,
    forwarded_for   TEXT NOT NULL,
    user_agent      TEXT NOT NULL,
    request_id      TEXT NOT NULL,
    before_act      TEXT, -- JSON
    after_act       TEXT  -- JSON
);
CREATE INDEX audit_log_by_org ON audit_log (org_id, created_at, id);
CREATE INDEX audit_log_by_object ON audit_log (org_id, object_id);

-- only: sqlite
CREATE TRIGGER audit_log_keeps_lines BEFORE UPDATE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER audit_log_keeps_all BEFORE DELETE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
-- end only
-- only: postgres
CREATE FUNCTION audit_log_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only';
END $$;
CREATE TRIGGER audit_log_keeps_lines BEFORE UPDATE OR DELETE ON audit_log FOR EACH ROW EXECUTE FUNCTION audit_log_refuse();
CREATE TRIGGER audit_log_keeps_all BEFORE TRUNCATE ON audit_log FOR EACH STATEMENT EXECUTE FUNCTION audit_log_refuse();
-- end only
