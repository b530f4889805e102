-- Usage tiers: see package limits. Money is BIGINT in billionths of a US dollar, as in usage.
CREATE TABLE rate_tiers (
    name         TEXT   PRIMARY KEY,
    min_spend    BIGINT NOT NULL,
    min_age_days BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL
);
