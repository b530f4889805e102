-- What the status page tells: see package status. Times are milliseconds since 1970, minutes are counted since 1970.
CREATE TABLE status_days (
    component   TEXT   NOT NULL,
    day         TEXT   NOT NULL, -- 2024-01-25, UTC
    operational BIGINT NOT NULL DEFAULT 0, -- minutes of the day
    degraded    BIGINT NOT NULL DEFAULT 0,
    down        BIGINT NOT NULL DEFAULT 0,
    absent      BIGINT NOT NULL DEFAULT 0, -- no server ran
    PRIMARY KEY (component, day)
);

-- Up to where the days were counted.
CREATE TABLE status_marks (
    component   TEXT   PRIMARY KEY,
    minute      BIGINT NOT NULL, -- the last one that was counted
    state       TEXT   NOT NULL, -- the worst that was found in it
    down_from   BIGINT,          -- the first minute of those that it has been down without a break; null: it is not
    incident_id TEXT             -- the incident that was opened for that
);

CREATE TABLE status_incidents (
    id          TEXT    PRIMARY KEY,
    name        TEXT    NOT NULL,
    status      TEXT    NOT NULL, -- investigating, identified, monitoring, resolved
    impact      TEXT    NOT NULL, -- none, minor, major, critical
    components  TEXT    NOT NULL, -- JSON: ids
    automatic   BOOLEAN NOT NULL, -- opened by the server itself
    started_at  BIGINT  NOT NULL,
    resolved_at BIGINT,
    created_at  BIGINT  NOT NULL,
    updated_at  BIGINT  NOT NULL
);

CREATE INDEX status_incidents_started ON status_incidents (started_at);

CREATE TABLE status_updates (
    id          TEXT    PRIMARY KEY,
    incident_id TEXT    NOT NULL REFERENCES status_incidents (id) ON DELETE CASCADE,
    status      TEXT    NOT NULL,
    body        TEXT    NOT NULL,
    created_at  BIGINT  NOT NULL,
    updated_at  BIGINT  NOT NULL
);

CREATE INDEX status_updates_incident ON status_updates (incident_id, created_at);
