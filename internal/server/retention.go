package server

import (
	"context"
	"fmt"

	"github.com/parley-ai/parley/internal/bus"
	"github.com/parley-ai/parley/internal/retention"
)

// openRetention keeps bodies of requests for reviewers, and deletes them when their time has come.
func (s *Server) openRetention(ctx context.Context, o Options, hints bus.Bus) (err error) {
	if s.keeper, err = retention.New(ctx, retention.Options{
		DB: s.db, Keys: s.secrets, Bus: hints, Clock: o.Clock, Logger: s.log, Days: s.cfg.RetentionDays, Names: s.organizations,
	}); err != nil {
		return err
	}
	s.onClose(s.keeper.Close)
	s.wg.Go(func() { s.keeper.Run(s.ctx) })
	s.metrics.WatchKeeper(func() (waiting, kept, dropped int64) {
		in := s.keeper.Installation()
		return in.Waiting, in.Kept, in.Dropped
	})
	return nil
}

// organizations are the names of all of them, by id.
func (s *Server) organizations(ctx context.Context) (map[string]string, error) {
	all, err := s.identity.AllOrganizations(ctx)
	if err != nil {
		return nil, err
	}
	names := make(map[string]string, len(all))
	for _, o := range all {
		names[o.ID] = o.Name
	}
	return names, nil
}

// Privacy says at the start what becomes of what people send; self is how the program was called.
func (s *Server) Privacy(self string) string {
	days := s.keeper.Installation().Days
	if days == 0 {
		return "requests and answers of the API are not kept"
	}
	return fmt.Sprintf("requests and answers of the API are kept for %d days, encrypted;\n"+
		"           reviewers whom you name can read them; to keep none:\n"+
		"           %s admin retention set --days 0", days, self)
}
