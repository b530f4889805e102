-- Files of messages of v1, which go into the thread's vector store when a run searches for the first time: see package thread.
ALTER TABLE threads ADD COLUMN pending_files TEXT; -- JSON: ids; NULL is none
