-- Keys of the installation (package secrets) that sealed something in this database. The keys themselves are not in it.
CREATE TABLE secret_keys (
    number     BIGINT PRIMARY KEY, -- 1, 2, …
    id         TEXT NOT NULL UNIQUE,
    proof      TEXT NOT NULL, -- a value sealed with it
    created_at BIGINT NOT NULL
);
