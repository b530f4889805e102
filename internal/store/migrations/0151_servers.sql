-- What a server is, for whoever looks after several: see package presence.
ALTER TABLE servers ADD COLUMN host TEXT NOT NULL DEFAULT '';
ALTER TABLE servers ADD COLUMN version TEXT NOT NULL DEFAULT '';
