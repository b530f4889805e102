-- Who may spend how much, credit, and invoices: see package billing. Money is BIGINT in billionths of a US dollar; months are '2023-11', in UTC.
CREATE TABLE billing_accounts (
    org_id     TEXT   PRIMARY KEY,
    plan       TEXT   NOT NULL, -- none, prepaid or postpaid
    contacts   TEXT   NOT NULL, -- JSON: e-mail addresses
    name       TEXT   NOT NULL, -- on invoices; empty: the organization's
    address    TEXT   NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE TABLE billing_budgets (
    org_id     TEXT   NOT NULL,
    project_id TEXT   NOT NULL, -- empty: the organization as a whole
    soft       BIGINT NOT NULL, -- of a month; -1: none
    hard       BIGINT NOT NULL, -- of a month; -1: none
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, project_id)
);
-- What was told, once for each month and threshold.
CREATE TABLE billing_notices (
    org_id     TEXT   NOT NULL,
    project_id TEXT   NOT NULL,
    month      TEXT   NOT NULL,
    kind       TEXT   NOT NULL, -- soft, hard or credit
    amount     BIGINT NOT NULL, -- the limit that was reached
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, project_id, month, kind, amount)
);
CREATE TABLE billing_grants (
    id           TEXT   PRIMARY KEY,
    org_id       TEXT   NOT NULL,
    amount       BIGINT NOT NULL,
    used         BIGINT NOT NULL,
    reason       TEXT   NOT NULL,
    effective_at BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL, -- 0: never
    revoked_at   BIGINT NOT NULL, -- 0: it was not
    created_at   BIGINT NOT NULL
);
CREATE INDEX billing_grants_by_org ON billing_grants (org_id, created_at, id);
-- What of a month's spending credit was looked for, and how much it paid.
CREATE TABLE billing_settled (
    org_id     TEXT   NOT NULL,
    month      TEXT   NOT NULL,
    spend      BIGINT NOT NULL,
    credit     BIGINT NOT NULL,
    settled_at BIGINT NOT NULL,
    PRIMARY KEY (org_id, month)
);
CREATE TABLE billing_invoices (
    id         TEXT   PRIMARY KEY,
    number     BIGINT NOT NULL UNIQUE,
    org_id     TEXT   NOT NULL,
    month      TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    document   TEXT   NOT NULL, -- JSON: all that stands on it
    UNIQUE (org_id, month)
);
-- Months of which every organization's invoice was made.
CREATE TABLE billing_months (
    month     TEXT   PRIMARY KEY,
    closed_at BIGINT NOT NULL
);
-- The seller that stands on invoices; one row, or none.
CREATE TABLE billing_seller (
    id         BIGINT PRIMARY KEY,
    name       TEXT   NOT NULL,
    address    TEXT   NOT NULL,
    note       TEXT   NOT NULL,
    updated_at BIGINT NOT NULL
);
