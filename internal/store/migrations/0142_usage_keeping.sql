-- How long usage is kept: see package usage. One row.
CREATE TABLE usage_keeping (
    id            BIGINT PRIMARY KEY CHECK (id = 1),
    requests_days BIGINT NOT NULL, -- 0: for good
    minutes_days  BIGINT NOT NULL, -- 0: for good
    requests_from BIGINT NOT NULL, -- rows before are gone, or about to go
    minutes_from  BIGINT NOT NULL, -- and sums by minute
    looked_at     BIGINT NOT NULL, -- when the job was last enqueued
    busy_until    BIGINT NOT NULL  -- who deletes has it till then
);
INSERT INTO usage_keeping (id, requests_days, minutes_days, requests_from, minutes_from, looked_at, busy_until) VALUES (1, 0, 0, 0, 0, 0, 0);
