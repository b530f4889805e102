package retention

import (
	"context"
	"errors"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
)

// Why a key was destroyed.
const (
	byAge          = "age"          // its requests are as old as the setting says
	bySetting      = "setting"      // nothing is to be kept any more
	byOrganization = "organization" // which was deleted
	byLoss         = "key_lost"     // the installation's key that sealed it is gone: it could not be opened anyway
)

// batch is how many blocks are removed in one transaction.
const batch = 200

// Deletion is what the audit log keeps as proof.
type Deletion struct {
	Reason      string    `json:"reason"`
	Day         string    `json:"day"` // of the requests, UTC
	Requests    int64     `json:"requests"`
	Blocks      int64     `json:"blocks"`
	Bytes       int64     `json:"bytes"` // as stored
	First       time.Time `json:"first_request_at"`
	Last        time.Time `json:"last_request_at"`
	Unreadable  time.Time `json:"key_destroyed_at"`
	RemovedTill time.Time `json:"removed_at"`
}

// Sweep deletes what is due: keys first, then what they sealed. It may run on several servers at once, and goes on where another one died.
func (s *Service) Sweep(ctx context.Context) (err error) {
	defer fault.Wrap(&err, "retention.Sweep")
	s.sweep.Lock()
	defer s.sweep.Unlock()
	destroyed, err := s.destroyDue(ctx)
	if err != nil {
		return err
	}
	left, err := destroyedKeys(ctx, s.o.DB.Read())
	if err != nil {
		return err
	}
	if destroyed || len(left) > 0 { // those that are left may be of a process that died before it came so far
		s.traces.Store(true)
	}
	if s.traces.Swap(false) {
		done, err := scrub(ctx, s.o.DB)
		if !done || err != nil {
			s.traces.Store(true)
		}
		if err != nil {
			return err
		}
	}
	for _, k := range left {
		if err := s.removeAll(ctx, k); err != nil {
			return err
		}
	}
	return nil
}

// destroyDue destroys the keys whose time has come, and seals those anew that an older key of the installation sealed.
func (s *Service) destroyDue(ctx context.Context) (any bool, err error) {
	keys, err := liveKeys(ctx, s.o.DB.Read())
	if err != nil {
		return false, err
	}
	now := s.o.Clock.Now()
	for _, k := range keys {
		reason := ""
		// A day is over when the next one begins, and its last request may have come just before.
		switch days := s.rules.Load().of(k.org); {
		case days == 0:
			reason = bySetting
		case now.Unix() >= (k.day+1+int64(days))*daySeconds:
			reason = byAge
		case s.o.Keys.Stale(k.sealed):
			if key, err := s.openKey(k.id, k.sealed); err != nil {
				reason = byLoss
			} else if err := resealKey(ctx, s.o.DB, k, s.o.Keys.Seal(k.id, key.key.Bytes())); err != nil {
				return any, err
			}
		}
		if reason == "" {
			continue
		}
		ok, err := destroyKey(ctx, s.o.DB, k.id, reason, now)
		if err != nil {
			return any, err
		}
		any = any || ok
	}
	return any, nil
}

// removeAll removes the blocks of a destroyed key, some at a time, and then the key, with the proof.
func (s *Service) removeAll(ctx context.Context, k destroyedKey) error {
	for {
		n, err := removeBlocks(ctx, s.o.DB, k.id, batch)
		if err != nil {
			return err
		}
		if n < batch {
			break
		}
	}
	return s.o.DB.Tx(ctx, func(tx *store.Tx) error {
		k, err := removeKey(ctx, tx, k.id)
		if errors.Is(err, store.ErrNoRows) {
			return nil // another server did
		}
		if err != nil || k.blocks == 0 {
			return err
		}
		return s.audit.Record(ctx, tx, actor.Actor{Org: k.org}, audit.Event{Type: Proof, Object: k.id, After: Deletion{
			Reason: k.reason, Day: time.Unix(k.day*daySeconds, 0).UTC().Format(time.DateOnly), Requests: k.requests, Blocks: k.blocks, Bytes: k.size,
			First: store.Time(k.first), Last: store.Time(k.last), Unreadable: store.Time(k.destroyed), RemovedTill: s.o.Clock.Now().UTC(),
		}})
	})
}
