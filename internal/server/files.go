package server

import (
	"cmp"
	"context"
	"path/filepath"
	"strings"

	"github.com/parley-ai/parley/internal/blob"
	"github.com/parley-ai/parley/internal/blob/cloud"
	"github.com/parley-ai/parley/internal/files"
	"github.com/parley-ai/parley/internal/presence"
)

// openFiles opens the store of contents and keeps files in it.
func (s *Server) openFiles(ctx context.Context, o Options, servers *presence.Servers) error {
	dir, local := strings.CutPrefix(cmp.Or(s.cfg.Blob.URL, "file://"+filepath.Join(s.cfg.Home, "blobs")), "file://")
	if local {
		d, err := blob.OpenDir(dir)
		if err != nil {
			return err
		}
		s.onClose(func(context.Context) error { return d.Close() })
		s.blobs = d
	} else {
		c, err := cloud.Open(ctx, s.cfg.Blob.URL)
		if err != nil {
			return err
		}
		s.onClose(func(context.Context) error { return c.Close() })
		s.blobs = c
	}
	s.files = files.NewService(files.Options{
		DB: s.db, Blobs: s.blobs, Clock: o.Clock, Logger: s.log, Servers: servers, MaxStored: int64(s.cfg.Files.OrganizationLimit),
	})
	return nil
}
