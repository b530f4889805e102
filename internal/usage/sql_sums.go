package usage

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/store"
)

// part is a piece of a query's time, which sums of one span answer.
type part struct {
	span     time.Duration
	from, to time.Time
}

// parts are the pieces of a query's time. What is summed up as a whole is read from the largest spans that fit, and from
// smaller ones, down to the query's, at its ends.
func (q Query) parts() []part {
	from := q.From.Truncate(q.Span)
	if !q.Whole {
		return []part{{q.Span, from, q.To}}
	}
	return split(nil, from, q.To.Add(q.Span-1).Truncate(q.Span), []time.Duration{Day, Hour, Minute}, q.Span)
}

func split(out []part, from, to time.Time, spans []time.Duration, finest time.Duration) []part {
	span := spans[0]
	a, b := from.Add(span-1).Truncate(span), to.Truncate(span)
	switch {
	case !from.Before(to):
		return out
	case span == finest:
		return append(out, part{span, from, to})
	case !a.Before(b):
		return split(out, from, to, spans[1:], finest)
	}
	out = split(out, from, a, spans[1:], finest)
	return split(append(out, part{span, a, b}), b, to, spans[1:], finest)
}

// sumsFor is the part of a statement that reads the smallest sums which tell the query's dimensions apart, and how errors are counted in them.
func (q Query) sumsFor(org string, p part) (text, errors string, args []any) {
	dims := q.dimensions()
	kind := kindFor(dims, q.endUsers)
	if kind == byEndUser && p.span == Day && !slices.ContainsFunc(dims, func(d Dimension) bool { return d != ByEndUser && d != ByProject }) {
		kind = byEndUserDay
	}
	text, args = sumsOf(kind, org, p.span, p.from, p.to)
	more, args := q.where(args, false)
	errors = "SUM(CASE WHEN outcome IN ('limited', 'refused', 'failed') THEN requests ELSE 0 END)"
	if kind == byEndUserDay {
		errors = "SUM(errors)"
	}
	return text + more, errors, args
}

// readSums answers a query.
func readSums(ctx context.Context, q store.Q, org string, query Query) ([]Bucket, error) {
	if query.Top == 0 || len(query.By) != 1 {
		return readAll(ctx, q, org, query)
	}
	top, more, err := readTop(ctx, q, org, query)
	if err != nil {
		return nil, err
	}
	if !more {
		return readAll(ctx, q, org, query)
	}
	// What the others come to is what is left of all, so that they need not be told apart. All are read last: they are never less.
	named := query
	named.Only = maps.Clone(query.Only)
	if named.Only == nil {
		named.Only = map[Dimension][]string{}
	}
	named.Only[query.By[0]] = top
	out, err := readAll(ctx, q, org, named)
	if err != nil {
		return nil, err
	}
	all := query
	all.By, all.endUsers = nil, query.By[0] == ByEndUser
	others, err := readAll(ctx, q, org, all)
	if err != nil {
		return nil, err
	}
	at := map[time.Time]*Bucket{}
	for i := range others {
		others[i].Group, others[i].Others = []string{""}, true
		at[others[i].Start] = &others[i]
	}
	for i := range out {
		if o := at[out[i].Start]; o != nil {
			o.subtract(&out[i].Sum)
			o.Errors -= out[i].Errors
		}
	}
	out = append(out, slices.DeleteFunc(others, func(b Bucket) bool { return b.Requests == 0 })...)
	slices.SortStableFunc(out, orderBuckets)
	return out, nil
}

// readAll answers a query, with all groups.
func readAll(ctx context.Context, q store.Q, org string, query Query) ([]Bucket, error) {
	parts := query.parts()
	var out []Bucket
	for _, p := range parts {
		buckets, err := readPart(ctx, q, org, query, p)
		if err != nil {
			return nil, err
		}
		out = append(out, buckets...)
	}
	if len(parts) == 1 {
		return out, nil
	}
	slices.SortStableFunc(out, orderBuckets)
	merged := out[:0]
	for _, b := range out {
		if last := len(merged) - 1; last >= 0 && orderBuckets(merged[last], b) == 0 {
			merged[last].merge(&b.Sum)
			merged[last].Errors += b.Errors
			continue
		}
		merged = append(merged, b)
	}
	return merged, nil
}

func orderBuckets(a, b Bucket) int {
	if c := a.Start.Compare(b.Start); c != 0 {
		return c
	}
	if a.Others != b.Others { // at the end
		if a.Others {
			return 1
		}
		return -1
	}
	return slices.Compare(a.Group, b.Group)
}

// readTop returns the groups that the answer tells apart, and whether there are more.
func readTop(ctx context.Context, q store.Q, org string, query Query) (top []string, more bool, err error) {
	type total struct {
		name           string
		cost, requests int64
	}
	all := map[string]*total{}
	parts := query.parts()
	if !query.Whole { // the same time in larger spans; which groups are largest needs no more
		whole := query
		whole.Whole, whole.To = true, query.To.Add(query.Span-1).Truncate(query.Span)
		parts = whole.parts()
	}
	column := columns[query.By[0]]
	for _, p := range parts {
		from, _, args := query.sumsFor(org, p)
		rows, err := store.Collect(ctx, q, func(row store.Scanner) (t total, err error) { return t, row.Scan(&t.name, &t.cost, &t.requests) },
			"SELECT "+column+", CAST(SUM(cost) AS BIGINT), CAST(SUM(requests) AS BIGINT)"+from+" GROUP BY "+column, args...)
		if err != nil {
			return nil, false, err
		}
		for _, r := range rows {
			t := all[r.name]
			if t == nil {
				t = &total{name: r.name}
				all[r.name] = t
			}
			t.cost, t.requests = t.cost+r.cost, t.requests+r.requests
		}
	}
	if len(all) <= query.Top {
		return nil, false, nil
	}
	list := make([]*total, 0, len(all))
	for _, t := range all {
		list = append(list, t)
	}
	slices.SortFunc(list, func(a, b *total) int {
		return cmp.Or(cmp.Compare(b.cost, a.cost), cmp.Compare(b.requests, a.requests), strings.Compare(a.name, b.name))
	})
	for _, t := range list[:query.Top] {
		top = append(top, t.name)
	}
	return top, true, nil
}

// readPart answers a query for a piece of its time.
func readPart(ctx context.Context, q store.Q, org string, query Query, p part) ([]Bucket, error) {
	from, errors, args := query.sumsFor(org, p)
	var group []string
	if !query.Whole {
		group = append(group, "start_at")
	}
	for _, d := range query.By {
		group = append(group, columns[d])
	}
	selected := slices.Clone(group)
	added := countColumns
	if query.Percentiles {
		added = slices.Concat(countColumns, latencies, firstTokens)
	}
	for _, c := range added {
		selected = append(selected, "CAST(COALESCE(SUM("+c+"), 0) AS BIGINT)")
	}
	selected = append(selected, "CAST(COALESCE("+errors+", 0) AS BIGINT)")
	text := "SELECT " + strings.Join(selected, ", ") + from
	if len(group) > 0 {
		text += " GROUP BY " + strings.Join(group, ", ") + " ORDER BY " + strings.Join(group, ", ")
	}
	return store.Collect(ctx, q, func(row store.Scanner) (Bucket, error) {
		b := Bucket{Group: make([]string, len(query.By))}
		var start int64
		var dest []any
		if !query.Whole {
			dest = append(dest, &start)
		}
		for i := range b.Group {
			dest = append(dest, &b.Group[i])
		}
		s := &b.Sum
		dest = append(dest, &s.Requests, &s.ModelRequests, &s.Prompt, &s.Cached, &s.Completion, &s.Cost, &s.CachedCost, &s.OutputCost, &s.Unpriced)
		if query.Percentiles {
			for i := range s.Latency {
				dest = append(dest, &s.Latency[i])
			}
			for i := range s.FirstToken {
				dest = append(dest, &s.FirstToken[i])
			}
		}
		err := row.Scan(append(dest, &b.Errors)...)
		if !query.Whole {
			b.Start = store.Time(start)
		}
		return b, err
	}, text, args...)
}
