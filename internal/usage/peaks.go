package usage

import (
	"context"
	"fmt"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
)

// DayUse is what requests of a day, UTC, come to.
type DayUse struct {
	Start        time.Time
	Requests     int64 // refused ones too
	Limited      int64 // those of them that a limit refused
	Tokens       int64 // of prompts and answers
	PeakRequests int64 // in the minute that had most
	PeakTokens   int64 // in the minute that had most
}

// Days returns the use of each day of a filter that had requests, with the day's busiest minutes. Where sums by minute are gone, peaks are 0.
func (l *Log) Days(ctx context.Context, who actor.Actor, f Filter) (_ []DayUse, err error) {
	defer fault.Wrap(&err, "usage.Days")
	if f, err = f.narrow(who); err != nil {
		return nil, err
	}
	if len(f.Only[ByEndUser]) > 0 {
		return nil, fmt.Errorf("minutes are not kept by end user")
	}
	return readDays(ctx, l.db.Read(), who.Org, f)
}
