-- Rows of the models' calendar that were changed while running: see package models/calendar.
CREATE TABLE calendar_entries (
    org_id     TEXT   NOT NULL, -- empty: for all organizations
    name       TEXT   NOT NULL,
    entry      TEXT   NOT NULL, -- JSON: only what was changed
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, name)
);
