-- What of a request's cost was for tokens of the prompt that were computed before, and for tokens of the answer, so that an invoice
-- tells them apart. Rows of before have 0.
ALTER TABLE usage_requests ADD COLUMN cached_cost BIGINT NOT NULL DEFAULT 0;
ALTER TABLE usage_requests ADD COLUMN output_cost BIGINT NOT NULL DEFAULT 0;
ALTER TABLE usage_rollups ADD COLUMN cached_cost BIGINT NOT NULL DEFAULT 0;
ALTER TABLE usage_rollups ADD COLUMN output_cost BIGINT NOT NULL DEFAULT 0;
