package server

import "github.com/parley-ai/parley/internal/backup"

// backup is what can be backed up of this server, with rows of usage that wait in files.
func (s *Server) backup(o Options) *backup.Source {
	return &backup.Source{DB: s.db, Home: s.cfg.Home, Version: s.version, Clock: o.Clock, Flush: s.usage.Flush}
}
