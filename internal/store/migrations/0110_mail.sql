-- Mails that were asked for: see package mail. The text goes as soon as it was sent or given up.
CREATE TABLE mails (
    id            TEXT   PRIMARY KEY,
    org_id        TEXT   NOT NULL, -- whose it is about; empty: the installation's
    recipient     TEXT   NOT NULL,
    subject       TEXT   NOT NULL,
    content       TEXT   NOT NULL, -- plain text; empty once it is of no use
    lang          TEXT   NOT NULL,
    state         TEXT   NOT NULL, -- queued, sent, failed
    attempts      BIGINT NOT NULL DEFAULT 0,
    error         TEXT   NOT NULL DEFAULT '', -- of the last attempt
    sending_until BIGINT NOT NULL DEFAULT 0,  -- a server is at it until then
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL
);
CREATE INDEX mails_by_time ON mails (created_at, id);
CREATE INDEX mails_by_org ON mails (org_id);
CREATE INDEX mails_by_recipient ON mails (recipient);
