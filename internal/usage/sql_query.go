package usage

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/store"
)

// where writes the conditions of a filter's dimensions, in a fixed order, so that few statements come up.
func (f Filter) where(args []any, rows bool) (string, []any) {
	var b strings.Builder
	for _, d := range []Dimension{ByProject, ByUser, ByKey, ByModel, ByServed, ByClass, ByEndpoint, ByOutcome, ByEndUser} {
		values := f.Only[d]
		if len(values) == 0 {
			continue
		}
		column := columns[d]
		if rows && d == ByOutcome {
			column = "CASE WHEN status < 400 THEN 'ok' WHEN status = 429 THEN 'limited' WHEN status = 499 THEN 'canceled' WHEN status < 500 THEN 'refused' ELSE 'failed' END"
		}
		condition := column + " IN (" + store.Placeholders(len(args)+1, len(values)) + ")"
		for _, v := range values {
			args = append(args, v)
		}
		if rows && d == ByKey {
			if !f.keys {
				args = append(args, f.viewer)
				condition += fmt.Sprintf(" AND (NOT untracked OR user_id <> '' AND user_id = $%d)", len(args))
			}
			if slices.Contains(values, Untracked) {
				condition += " OR untracked"
			}
		}
		if rows && d == ByEndUser && !slices.Contains(values, "") {
			condition += ") AND (end_user <> ''" // what the index is about
		}
		b.WriteString(" AND (" + condition + ")")
	}
	return b.String(), args
}

// sumsOf is the part of a statement that reads sums of a kind.
func sumsOf(kind, org string, span time.Duration, from, to time.Time) (string, []any) {
	args := []any{org, int64(span / time.Second), store.Millis(from), store.Millis(to)}
	switch kind {
	case byEndUser:
		return " FROM usage_end_users WHERE org_id = $1 AND span = $2 AND start_at >= $3 AND start_at < $4", args
	case byEndUserDay: // span is a day
		return " FROM usage_end_user_days WHERE org_id = $1 AND start_at >= $2 AND start_at < $3", []any{args[0], args[2], args[3]}
	}
	return " FROM usage_rollups WHERE org_id = $1 AND kind = $5 AND span = $2 AND start_at >= $3 AND start_at < $4", append(args, kind)
}

// position is a place in the list of requests.
type position struct{ at, id int64 }

func positionOf(ctx context.Context, q store.Q, org string, id int64) (p position, err error) {
	p.id = id
	err = q.QueryRow(ctx, `SELECT created_at FROM usage_requests WHERE org_id = $1 AND id = $2`, org, id).Scan(&p.at)
	if errors.Is(err, store.ErrNoRows) {
		return p, notFound("after", "No request found with id '%s'.", requestName(id))
	}
	return p, err
}

// requestName is a row's id on the wire.
func requestName(id int64) string { return fmt.Sprintf("usage_%x", id) }

// readRequests returns rows before a position, the newest first. What a filter leaves may be rare: then the sums tell
// in which minutes to look. Those of the last hours are read as they are, since sums may lag behind.
func readRequests(ctx context.Context, q store.Q, org string, f Filter, before position, limit int, now time.Time, finest time.Duration) ([]*event, error) {
	s := search{q: q, org: org, filter: f, before: before, limit: limit}
	kind := kindFor(Query{Filter: f}.dimensions(), false)
	recent := now.Truncate(Hour).Add(-Hour)
	if len(f.Only) == 0 || !f.From.Before(recent) || kind == byEndUser { // whose rows have an index
		err := s.scan(ctx, f.From, f.To)
		return s.found, err
	}
	if err := s.scan(ctx, recent, f.To); err != nil {
		return nil, err
	}
	to := recent
	if at := store.Time(before.at + 1); at.Before(to) {
		to = at
	}
	down := []time.Duration{Day, Hour, Minute}
	if finest == Hour {
		down = down[:2]
	}
	err := s.descend(ctx, kind, down, f.From, to)
	return s.found, err
}

// search collects the rows of a filter.
type search struct {
	q      store.Q
	org    string
	filter Filter
	before position
	limit  int
	found  []*event
}

// scan appends rows from … to, the newest first.
func (s *search) scan(ctx context.Context, from, to time.Time) error {
	end := position{at: store.Millis(to)}
	if s.before.at < end.at || s.before.at == end.at && s.before.id < end.id {
		end = s.before
	}
	if from.Before(s.filter.From) {
		from = s.filter.From
	}
	args := []any{s.org, store.Millis(from), end.at, end.id}
	more, args := s.filter.where(args, true)
	rows, err := store.Collect(ctx, s.q, scanEvent, fmt.Sprintf(`SELECT `+eventColumns+` FROM usage_requests
		WHERE org_id = $1 AND created_at >= $2 AND (created_at, id) < ($3, $4)%s ORDER BY created_at DESC, id DESC LIMIT $%d`, more, len(args)+1),
		append(args, s.limit-len(s.found))...)
	s.found = append(s.found, rows...)
	return err
}

// descend looks from … to through the times of the first span that have requests of the filter, then in these through
// those of the next.
func (s *search) descend(ctx context.Context, kind string, spans []time.Duration, from, to time.Time) error {
	table, args := sumsOf(kind, s.org, spans[0], from.Truncate(spans[0]), to)
	sums := s.filter
	if keys := sums.Only[ByKey]; len(keys) > 0 { // those that are not counted apart are one in the sums
		sums.Only = maps.Clone(sums.Only)
		sums.Only[ByKey] = append(slices.Clone(keys), Untracked)
	}
	more, args := sums.where(args, false)
	starts, err := store.Collect(ctx, s.q, func(row store.Scanner) (ms int64, err error) { return ms, row.Scan(&ms) },
		`SELECT DISTINCT start_at`+table+more+` ORDER BY start_at DESC`, args...)
	if err != nil {
		return err
	}
	for _, ms := range starts {
		if len(s.found) >= s.limit {
			return nil
		}
		start, end := store.Time(ms), store.Time(ms).Add(spans[0])
		if start.Before(from) {
			start = from
		}
		if to.Before(end) {
			end = to
		}
		if len(spans) == 1 {
			err = s.scan(ctx, start, end)
		} else {
			err = s.descend(ctx, kind, spans[1:], start, end)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
