-- Whose content it is: those of a deleted organization are doomed at once. See package files.
ALTER TABLE file_blobs ADD COLUMN org_id TEXT NOT NULL DEFAULT '';
CREATE INDEX file_blobs_by_org ON file_blobs (org_id);
