package retention

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
)

// page is how many blocks of shared requests are listed together.
const page = 100

// Shared calls write with the kept requests of the organizations that share theirs for training: those that came since they opted in, the
// oldest first, for as long as they are opted in. That it is done is in each one's audit log before any of its requests is read.
// since and until bound when requests came; a zero one does not.
func (s *Service) Shared(ctx context.Context, who actor.Actor, since, until time.Time, write func(org string, r Record) error) (err error) {
	defer fault.Wrap(&err, "retention.Shared")
	if err := s.Flush(ctx); err != nil {
		return err
	}
	all, err := settings(ctx, s.o.DB.Read())
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b setting) int { return a.shared.Compare(b.shared) })
	for _, t := range all {
		if t.org == "" || t.shared.IsZero() {
			continue
		}
		line := struct {
			Since time.Time `json:"since"`
			Until time.Time `json:"until,omitzero"`
		}{t.shared, until}
		if since.After(t.shared) {
			line.Since = since
		}
		owner := who
		owner.Org = t.org
		if err := s.o.DB.Tx(ctx, func(tx *store.Tx) error {
			return s.audit.Record(ctx, tx, owner, audit.Event{Type: SharedExported, Object: t.org, After: line})
		}); err != nil {
			return err
		}
		if err := s.sharedOf(ctx, t.org, line.Since, until, write); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) sharedOf(ctx context.Context, org string, since, until time.Time, write func(string, Record) error) error {
	q := s.o.DB.Read()
	after, afterID := int64(-1), ""
	for {
		blocks, err := sharedBlocks(ctx, q, org, since, after, afterID, page)
		if err != nil {
			return err
		}
		for _, b := range blocks {
			// Asked for each block: who opts out in the middle gives no more.
			t, err := findSetting(ctx, q, org)
			if errors.Is(err, store.ErrNoRows) || err == nil && (t.shared.IsZero() || t.shared.After(since)) {
				return nil
			}
			if err != nil {
				return err
			}
			var failed error
			err = s.open(ctx, q, b.id, func(r Record) bool {
				if r.At.Before(since) || !until.IsZero() && !r.At.Before(until) {
					return true
				}
				failed = write(org, r)
				return failed == nil
			})
			if failed != nil {
				return failed
			}
			if err != nil && !errors.Is(err, store.ErrNoRows) { // deleted meanwhile
				return err
			}
		}
		if len(blocks) < page {
			return nil
		}
		last := blocks[len(blocks)-1]
		after, afterID = store.Millis(last.first), last.id
	}
}
