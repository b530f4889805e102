-- When a user showed that the e-mail address is theirs: by a link that was mailed there, or a provider said so. 0: nobody did.
ALTER TABLE users ADD COLUMN email_verified_at BIGINT NOT NULL DEFAULT 0;

-- Mails that went out with an invitation's link, since the last day without any, and when the newest did.
ALTER TABLE invites ADD COLUMN mails BIGINT NOT NULL DEFAULT 0;
ALTER TABLE invites ADD COLUMN mailed_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX invites_by_email ON invites (email, mailed_at);
