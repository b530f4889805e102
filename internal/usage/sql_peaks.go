package usage

import (
	"context"
	"time"

	"github.com/parley-ai/parley/internal/store"
)

// readDays reads days from the sums by hour, and their peaks from those by minute, which may be gone.
func readDays(ctx context.Context, q store.Q, org string, f Filter) ([]DayUse, error) {
	kind := kindFor(Query{Filter: f}.dimensions(), false)
	read := func(span time.Duration) ([]DayUse, error) {
		table, args := sumsOf(kind, org, span, f.From.Truncate(span), f.To)
		more, args := f.where(args, false)
		return store.Collect(ctx, q, func(row store.Scanner) (d DayUse, err error) {
			var at int64
			err = row.Scan(&at, &d.Requests, &d.Limited, &d.Tokens, &d.PeakRequests, &d.PeakTokens)
			d.Start = store.Time(at)
			return d, err
		}, `SELECT day, CAST(SUM(n) AS BIGINT), CAST(SUM(limited) AS BIGINT), CAST(SUM(tokens) AS BIGINT), CAST(MAX(n) AS BIGINT), CAST(MAX(tokens) AS BIGINT) FROM
			(SELECT start_at - start_at % 86400000 AS day, SUM(requests) AS n, SUM(CASE WHEN outcome = 'limited' THEN requests ELSE 0 END) AS limited,
			SUM(prompt_tokens + completion_tokens) AS tokens`+table+more+` GROUP BY start_at) AS parts GROUP BY day ORDER BY day`, args...)
	}
	days, err := read(Hour)
	if err != nil {
		return nil, err
	}
	minutes, err := read(Minute)
	if err != nil {
		return nil, err
	}
	peaks := map[time.Time]DayUse{}
	for _, d := range minutes {
		peaks[d.Start] = d
	}
	for i := range days {
		d := &days[i]
		d.PeakRequests, d.PeakTokens = 0, 0
		if m := peaks[d.Start]; m.Requests == d.Requests { // else some of the day's minutes are gone
			d.PeakRequests, d.PeakTokens = m.PeakRequests, m.PeakTokens
		}
	}
	return days, nil
}
