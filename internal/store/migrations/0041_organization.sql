-- Users may belong to several organizations: what was a user of one organization becomes a user and a
-- membership. Keys may belong to service accounts, expire, and be of an organization instead of a project.
ALTER TABLE users RENAME TO old_users;
ALTER TABLE api_keys RENAME TO old_api_keys;
ALTER TABLE sessions RENAME TO old_sessions;
ALTER TABLE signin_links RENAME TO old_signin_links;

ALTER TABLE projects ADD COLUMN archived_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE projects ADD COLUMN is_default BOOLEAN NOT NULL DEFAULT FALSE; -- the one that an organization begins with
UPDATE projects SET is_default = TRUE WHERE NOT EXISTS
    (SELECT 1 FROM projects q WHERE q.org_id = projects.org_id AND (q.created_at, q.id) < (projects.created_at, projects.id));

CREATE TABLE users (
    id         TEXT PRIMARY KEY,
    email      TEXT NOT NULL, -- in small letters; empty: none is known
    name       TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
INSERT INTO users (id, email, name, created_at) SELECT id, '', name, created_at FROM old_users;

-- project_id is where the member's own things go unless another project is chosen.
CREATE TABLE memberships (
    org_id     TEXT NOT NULL REFERENCES organizations (id),
    user_id    TEXT NOT NULL REFERENCES users (id),
    project_id TEXT NOT NULL REFERENCES projects (id),
    role       TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, user_id)
);
INSERT INTO memberships (org_id, user_id, project_id, role, created_at) SELECT org_id, id, project_id, role, created_at FROM old_users;

CREATE TABLE project_members (
    org_id     TEXT NOT NULL REFERENCES organizations (id),
    project_id TEXT NOT NULL REFERENCES projects (id),
    user_id    TEXT NOT NULL REFERENCES users (id),
    role       TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (project_id, user_id)
);
INSERT INTO project_members (org_id, project_id, user_id, role, created_at) SELECT org_id, project_id, id, 'owner', created_at FROM old_users;

CREATE TABLE service_accounts (
    id         TEXT PRIMARY KEY,
    org_id     TEXT NOT NULL REFERENCES organizations (id),
    project_id TEXT NOT NULL REFERENCES projects (id),
    name       TEXT NOT NULL,
    role       TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    deleted_at BIGINT NOT NULL DEFAULT 0
);

-- A key belongs to a user or to a service account. project_id is NULL for a key of the organization.
CREATE TABLE api_keys (
    id                 TEXT PRIMARY KEY,
    org_id             TEXT NOT NULL REFERENCES organizations (id),
    project_id         TEXT REFERENCES projects (id),
    user_id            TEXT REFERENCES users (id),
    service_account_id TEXT REFERENCES service_accounts (id),
    name               TEXT NOT NULL,
    hash               TEXT NOT NULL UNIQUE,
    redacted           TEXT NOT NULL,
    scopes             TEXT NOT NULL,
    models             TEXT, -- JSON list of the models that it may ask for; NULL: all
    track_usage        BOOLEAN NOT NULL DEFAULT FALSE,
    created_at         BIGINT NOT NULL,
    expires_at         BIGINT NOT NULL DEFAULT 0, -- 0: never
    last_used_at       BIGINT NOT NULL DEFAULT 0,
    revoked_at         BIGINT NOT NULL DEFAULT 0,
    owner_removed      BOOLEAN NOT NULL DEFAULT FALSE -- revoked because its user left the organization
);
INSERT INTO api_keys (id, org_id, project_id, user_id, name, hash, redacted, scopes, created_at, last_used_at, revoked_at)
    SELECT id, org_id, project_id, user_id, name, hash, redacted, scopes, created_at, last_used_at, revoked_at FROM old_api_keys;

CREATE TABLE sessions (
    id         TEXT PRIMARY KEY,
    org_id     TEXT NOT NULL REFERENCES organizations (id),
    user_id    TEXT NOT NULL REFERENCES users (id),
    hash       TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
INSERT INTO sessions (id, org_id, user_id, hash, created_at, expires_at) SELECT id, org_id, user_id, hash, created_at, expires_at FROM old_sessions;

CREATE TABLE signin_links (
    id         TEXT PRIMARY KEY,
    org_id     TEXT NOT NULL REFERENCES organizations (id),
    user_id    TEXT NOT NULL REFERENCES users (id),
    hash       TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT NOT NULL DEFAULT 0
);
INSERT INTO signin_links (id, org_id, user_id, hash, created_at, expires_at, used_at)
    SELECT id, org_id, user_id, hash, created_at, expires_at, used_at FROM old_signin_links;

CREATE TABLE invites (
    id          TEXT PRIMARY KEY,
    org_id      TEXT NOT NULL REFERENCES organizations (id),
    email       TEXT NOT NULL,
    role        TEXT NOT NULL,
    projects    TEXT NOT NULL, -- JSON list of {id, role}
    hash        TEXT NOT NULL UNIQUE,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    accepted_at BIGINT NOT NULL DEFAULT 0,
    deleted_at  BIGINT NOT NULL DEFAULT 0
);

DROP TABLE old_signin_links;
DROP TABLE old_sessions;
DROP TABLE old_api_keys;
DROP TABLE old_users;

CREATE UNIQUE INDEX users_by_email ON users (email) WHERE email <> '';
CREATE INDEX memberships_by_user ON memberships (user_id);
CREATE INDEX memberships_by_org ON memberships (org_id, created_at, user_id);
CREATE INDEX project_members_by_user ON project_members (user_id);
CREATE INDEX service_accounts_by_project ON service_accounts (project_id, created_at, id);
CREATE INDEX api_keys_by_project ON api_keys (org_id, project_id, created_at, id);
CREATE INDEX api_keys_by_user ON api_keys (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX signin_links_by_expiry ON signin_links (expires_at);
CREATE INDEX invites_by_org ON invites (org_id, created_at, id);
