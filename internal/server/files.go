package server

import (
	"cmp"
	"context"
	"path/filepath"
	"strings"

	"github.com/parley-ai/parley/internal/blob"
	"github.com/parley-ai/parley/internal/files"
	"github.com/parley-ai/parley/internal/presence"
)

// openFiles opens the store of contents and keeps files in it.
func (s *Server) openFiles(_ context.Context, o Options, servers *presence.Servers) error {
	dir := strings.TrimPrefix(cmp.Or(s.cfg.Blob.URL, "file://"+filepath.Join(s.cfg.Home, "blobs")), "file://")
	d, err := blob.OpenDir(dir)
	if err != nil {
		return err
	}
	s.onClose(func(context.Context) error { return d.Close() })
	s.blobs = d
	s.files = files.NewService(files.Options{
		DB: s.db, Blobs: s.blobs, Clock: o.Clock, Logger: s.log, Servers: servers, MaxStored: int64(s.cfg.Files.OrganizationLimit),
	})
	return nil
}
