-- Which server process writes an answer: see packages chats and presence. NULL for questions.
ALTER TABLE chat_messages ADD COLUMN server_id TEXT;
