-- Single sign-on: see package identity/sso.
-- Who a provider of identities says that a user is.
CREATE TABLE sso_identities (
    id           TEXT   PRIMARY KEY,
    issuer       TEXT   NOT NULL,
    subject      TEXT   NOT NULL,
    user_id      TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    email        TEXT   NOT NULL, -- as the provider last had it
    created_at   BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    UNIQUE (issuer, subject)
);
CREATE INDEX sso_identities_by_user ON sso_identities (user_id);

-- What a group of the provider may in an organization.
CREATE TABLE sso_mappings (
    id         TEXT   PRIMARY KEY,
    org_id     TEXT   NOT NULL REFERENCES organizations (id),
    group_name TEXT   NOT NULL,
    role       TEXT   NOT NULL,
    projects   TEXT   NOT NULL, -- JSON list of {id, role}; empty: the default project
    created_at BIGINT NOT NULL,
    UNIQUE (org_id, group_name)
);

-- Where a membership comes from: empty, by invitation or by hand; 'sso', by a group.
ALTER TABLE memberships ADD COLUMN via TEXT NOT NULL DEFAULT '';
ALTER TABLE project_members ADD COLUMN via TEXT NOT NULL DEFAULT '';

ALTER TABLE organizations ADD COLUMN sso_required BOOLEAN NOT NULL DEFAULT FALSE; -- sessions that began with a password may nothing in it
