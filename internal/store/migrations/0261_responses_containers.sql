-- Sessions of Code Interpreter are looked for by conversation and by their own id.
CREATE INDEX responses_conversation ON responses (org_id, project_id, conversation_id, created_at, id) WHERE conversation_id <> '' AND container_id <> '';
CREATE INDEX responses_container ON responses (org_id, project_id, container_id) WHERE container_id <> '';
