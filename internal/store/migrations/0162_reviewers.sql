-- Who may read kept bodies of requests, through the queue (package retention): accounts of the installation, named by its operator.
CREATE TABLE reviewers (
    user_id    TEXT PRIMARY KEY,
    added_by   TEXT NOT NULL, -- user id
    created_at BIGINT NOT NULL
);
