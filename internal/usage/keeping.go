package usage

import (
	"context"
	"errors"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
)

// Keeping is how long usage is kept, in days of UTC; 0 is for good. Sums by hour and day always are.
type Keeping struct {
	Requests int // single requests, and sums by end user
	Minutes  int // sums by minute

	// What ended before is gone, or about to go; zero when nothing is.
	RequestsFrom, MinutesFrom time.Time
}

const (
	maxDays = 36_500
	// keepLook is how often what is to go is looked for.
	keepLook = time.Hour
	// keepBatch is how many rows go in a transaction, so that those who write wait for milliseconds.
	keepBatch = 2000
	// keepRun is how long the job works at a time.
	keepRun = 2 * time.Minute
	// keepLease is for how long who deletes is left alone.
	keepLease = 2 * keepRun
	// keepAhead is for how many months after this one PostgreSQL has partitions already.
	keepAhead = 2

	// What is kept, by the names of usage_keeping's columns.
	keptRequests = "requests"
	keptMinutes  = "minutes"
)

// Types of audit lines.
const (
	retentionUpdated = "usage.retention.updated"
	requestsDeleted  = "usage.requests.deleted"
	minutesDeleted   = "usage.minutes.deleted"
)

// Keeping returns how long usage is kept.
func (l *Log) Keeping(ctx context.Context) (_ Keeping, err error) {
	defer fault.Wrap(&err, "usage.Keeping")
	return readKeeping(ctx, l.db.Read())
}

// SetKeeping changes how long usage is kept, for all organizations. What is older goes soon.
func (l *Log) SetKeeping(ctx context.Context, who actor.Actor, k Keeping) (_ Keeping, err error) {
	defer fault.Wrap(&err, "usage.SetKeeping")
	for _, f := range []struct {
		param string
		days  int
	}{{"requests_days", k.Requests}, {"minutes_days", k.Minutes}} {
		if f.days < 0 || f.days > maxDays {
			return Keeping{}, fault.Param(f.param, "Invalid '%s': expected 0, which keeps them for good, to %d days.", f.param, maxDays).WithCode("invalid_value")
		}
	}
	err = l.db.Tx(ctx, func(tx *store.Tx) error {
		before, err := readKeeping(ctx, tx)
		if err != nil {
			return err
		}
		if err := writeKeeping(ctx, tx, k); err != nil {
			return err
		}
		if err := l.audit.Record(ctx, tx, who, audit.Event{Type: retentionUpdated, Object: "usage", Before: before.audited(), After: k.audited()}); err != nil {
			return err
		}
		if l.jobs == nil {
			return nil
		}
		return l.jobs.Enqueue(ctx, tx, tidyUp{})
	})
	if err != nil {
		return Keeping{}, err
	}
	return l.Keeping(ctx)
}

func (k Keeping) audited() any {
	return map[string]int{"requests_days": k.Requests, "minutes_days": k.Minutes}
}

// lookAtKeeping takes over from when on there are minutes, which another server may have changed.
func (l *Log) lookAtKeeping(ctx context.Context) error {
	k, err := readKeeping(ctx, l.db.Read())
	if err == nil && !k.MinutesFrom.IsZero() {
		l.minutesFrom.Store(store.Millis(k.MinutesFrom))
	}
	return err
}

// finest is the smallest span of which all sums from a time on are there.
func (l *Log) finest(from time.Time) time.Duration {
	if store.Millis(from) < l.minutesFrom.Load() {
		return Hour
	}
	return Minute
}

// tidy deletes what is older than it is to be kept, and makes PostgreSQL's partitions of the next months. It returns
// whether it is done: after keepRun it stops, to go on later.
func (l *Log) tidy(ctx context.Context) (done bool, err error) {
	defer fault.Wrap(&err, "usage.tidy")
	now := l.clock.Now()
	mine, err := leaseKeeping(ctx, l.db, now, now.Add(keepLease))
	if err != nil || !mine {
		return true, err // whoever has it does it
	}
	defer func() {
		err = errors.Join(err, freeKeeping(context.WithoutCancel(ctx), l.db, now.Add(keepLease)))
	}()
	if err := l.addMonthsAhead(ctx, now); err != nil {
		return false, err
	}
	k, err := readKeeping(ctx, l.db.Read())
	if err != nil {
		return false, err
	}
	if err := l.adopt(ctx); err != nil { // what is in no sum yet stays
		return false, err
	}
	today := now.UTC().Truncate(Day)
	s := sweep{l, time.Now().Add(keepRun)}
	if k.Requests > 0 {
		cut := today.AddDate(0, 0, -k.Requests)
		if err := markKeeping(ctx, l.db, keptRequests, cut); err != nil {
			return false, err
		}
		if done, err := s.requests(ctx, cut); err != nil || !done {
			return false, err
		}
	}
	if k.Minutes > 0 {
		cut := today.AddDate(0, 0, -k.Minutes)
		if err := markKeeping(ctx, l.db, keptMinutes, cut); err != nil {
			return false, err
		}
		l.minutesFrom.Store(store.Millis(cut)) // views turn to hours before minutes go
		return s.minutes(ctx, cut)
	}
	return true, nil
}

// sweep is one run of tidy.
type sweep struct {
	*Log
	until time.Time
}

func (s sweep) over() bool { return time.Now().After(s.until) }

// requests deletes rows that ended before, and what was summed up of them by end user. The first transaction has the line of the
// organization's audit log, with how many there are.
func (s sweep) requests(ctx context.Context, cut time.Time) (done bool, err error) {
	if s.db.Dialect() == store.Postgres {
		if err := s.dropMonths(ctx, cut); err != nil {
			return false, err
		}
	}
	for org := ""; ; {
		if org, err = nextOrganization(ctx, s.db.Read(), "usage_requests", org); err != nil || org == "" {
			break
		}
		// Counted outside of the transaction: a million rows take seconds, in which SQLite would take no other write.
		n, err := countRequests(ctx, s.db.Read(), org, cut)
		if err != nil {
			return false, err
		}
		for first := n > 0; n > 0; first = false {
			var gone int64
			err := s.db.Tx(ctx, func(tx *store.Tx) error {
				if first {
					if err := s.deleted(ctx, tx, org, keptRequests, cut, n); err != nil {
						return err
					}
				}
				gone, err = deleteRequests(ctx, tx, org, cut, keepBatch)
				return err
			})
			if err != nil {
				return false, err
			}
			if gone == 0 {
				break
			}
			if s.over() {
				return false, nil
			}
		}
	}
	if err != nil {
		return false, err
	}
	for _, of := range []struct{ table, kind string }{{"usage_end_users", byEndUser}, {"usage_end_user_days", byEndUserDay}, {"usage_rollups", ofEndUsers}} {
		if done, err := s.each(ctx, of.table, of.kind, cut); err != nil || !done {
			return false, err
		}
	}
	return true, nil
}

// minutes deletes sums by minute.
func (s sweep) minutes(ctx context.Context, cut time.Time) (done bool, err error) {
	for kind := range kinds {
		if done, err := s.each(ctx, "usage_rollups", kind, cut); err != nil || !done {
			return false, err
		}
	}
	return true, nil
}

// each deletes an hour of sums at a time.
func (s sweep) each(ctx context.Context, table, kind string, cut time.Time) (done bool, err error) {
	for org := ""; ; {
		if org, err = nextOrganization(ctx, s.db.Read(), table, org); err != nil || org == "" {
			return err == nil, err
		}
		spans := []time.Duration{Minute}
		switch kind {
		case byEndUser, ofEndUsers:
			spans = []time.Duration{Hour, Day}
		case byEndUserDay:
			spans = []time.Duration{Day}
		}
		for _, span := range spans {
			for first := true; ; first = false {
				oldest, found, err := oldestSum(ctx, s.db.Read(), table, org, kind, span)
				if err != nil {
					return false, err
				}
				if !found || !oldest.Before(cut) {
					break
				}
				to := oldest.Truncate(Hour).Add(Hour)
				if cut.Before(to) {
					to = cut
				}
				if err := s.db.Tx(ctx, func(tx *store.Tx) error {
					// One line says it of all kinds.
					if first && kind == byProject {
						if err := s.deleted(ctx, tx, org, keptMinutes, cut, 0); err != nil {
							return err
						}
					}
					return deleteSums(ctx, tx, table, org, kind, span, to)
				}); err != nil {
					return false, err
				}
				if s.over() {
					return false, nil
				}
			}
		}
	}
}

// deleted writes the line of an organization's audit log, unless a run before this one has.
func (s sweep) deleted(ctx context.Context, tx *store.Tx, org, what string, cut time.Time, n int64) error {
	mine, err := tellKeeping(ctx, tx, what, org)
	if err != nil || !mine {
		return err
	}
	return s.record(ctx, tx, org, map[string]string{keptRequests: requestsDeleted, keptMinutes: minutesDeleted}[what], cut, n)
}

// record writes a line of an organization's audit log.
func (s sweep) record(ctx context.Context, tx *store.Tx, org, act string, cut time.Time, n int64) error {
	after := map[string]any{"ended_before": cut.Format(time.RFC3339)}
	if n > 0 {
		after["requests"] = n
	}
	return s.audit.Record(ctx, tx, actor.Actor{Org: org}, audit.Event{Type: act, Object: "usage", After: after})
}
