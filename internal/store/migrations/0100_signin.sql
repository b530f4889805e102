-- How people prove who they are: see package identity/signin. What belongs to a user goes with the user.
ALTER TABLE sessions ADD COLUMN method TEXT NOT NULL DEFAULT 'link'; -- how it began: link, invite, password, sso
ALTER TABLE sessions ADD COLUMN second_factor BOOLEAN NOT NULL DEFAULT FALSE; -- a second factor was shown, to us or to who vouches
ALTER TABLE sessions ADD COLUMN ip TEXT NOT NULL DEFAULT ''; -- where it began
ALTER TABLE sessions ADD COLUMN user_agent TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN last_seen_at BIGINT NOT NULL DEFAULT 0; -- 0: when it began

-- What a link is for: 'signin', or 'email', to confirm that address as its user's.
ALTER TABLE signin_links ADD COLUMN purpose TEXT NOT NULL DEFAULT 'signin';
ALTER TABLE signin_links ADD COLUMN email TEXT NOT NULL DEFAULT '';

ALTER TABLE organizations ADD COLUMN require_second_factor BOOLEAN NOT NULL DEFAULT FALSE;

CREATE TABLE passwords (
    user_id    TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    hash       TEXT NOT NULL, -- argon2id, in PHC string form
    changed_at BIGINT NOT NULL
);

-- Seeds are sealed (package secrets). last_step is the newest time step whose code was accepted.
CREATE TABLE second_factors (
    user_id    TEXT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    seed       TEXT NOT NULL DEFAULT '', -- empty: not on
    pending    TEXT NOT NULL DEFAULT '', -- being set up, until a code confirms it
    last_step  BIGINT NOT NULL DEFAULT 0,
    changed_at BIGINT NOT NULL
);

CREATE TABLE recovery_codes (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    hash    TEXT NOT NULL, -- argon2id, in PHC string form; codes that were made together have one salt
    used_at BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (user_id, hash)
);

-- Tries to prove something, by SHA-256 of what they are counted for. They belong to no organization: nobody is known yet.
CREATE TABLE signin_attempts (
    id       TEXT PRIMARY KEY,
    failures BIGINT NOT NULL,
    until_at BIGINT NOT NULL, -- the next one is refused before
    last_at  BIGINT NOT NULL
);
CREATE INDEX signin_attempts_by_time ON signin_attempts (last_at);
