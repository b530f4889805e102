-- What the provider of identities calls the session that a browser's began with (sid); empty: it did not say, or it began another way.
ALTER TABLE sessions ADD COLUMN provider_session TEXT NOT NULL DEFAULT '';
