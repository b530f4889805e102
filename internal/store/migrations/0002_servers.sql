-- The server processes that share this database: see package presence. They belong to the
-- installation as a whole.
CREATE TABLE servers (
    id         TEXT   PRIMARY KEY, -- of one process, from its start to its end
    home       TEXT   NOT NULL,    -- the home directory whose lock the process holds
    started_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL     -- the end of its lease, unless it is renewed before
);

CREATE INDEX servers_home ON servers (home);
