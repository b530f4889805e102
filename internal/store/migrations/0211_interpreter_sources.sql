-- The file that a user attached and that lay under the path first: code may have changed what lies there, and the attached file is not put
-- there a second time.

ALTER TABLE interpreter_files ADD COLUMN source_id TEXT NOT NULL DEFAULT '';
