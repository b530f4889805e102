package usage

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
)

// FuzzQueries: whatever stands in a query, it is refused as a wrong request or asks for a bounded number of buckets.
func FuzzQueries(f *testing.F) {
	for _, q := range []string{
		"start_time=1699228800&bucket_width=1h&limit=168&group_by=model,batch&models[]=gpt-4&page=page_1", "start_time=-1", "start_time=1&end_time=0",
		"start_time=9223372036854775807", "start_time=1&page=page_zzzzzzzzzzzz", "date=2023-11-06", "start_date=2023-1-1&end_date=0001-01-01", "models=%00",
	} {
		f.Add(q)
	}
	l := &Log{clock: clock.NewFake(begin)}
	wrong := func(t *testing.T, err error) {
		if k := fault.KindOf(err); err != nil && k != fault.Invalid {
			t.Fatalf("%v is no wrong request: %v", k, err)
		}
	}
	f.Fuzz(func(t *testing.T, query string) {
		r := &http.Request{URL: &url.URL{RawQuery: query}}
		p, _, err := l.readPage(r, usageLimits, ByProject, ByModel, "batch")
		wrong(t, err)
		if err == nil {
			if n := len(answer(p, nil, func(Bucket) Costs { return Costs{} }).Data); n > 1440 {
				t.Fatalf("%d buckets", n)
			}
			for _, v := range p.Only[ByModel] {
				if strings.ContainsRune(v, 0) {
					t.Fatalf("%q would break a statement", v)
				}
			}
		}
		values := r.URL.Query()
		_, err = day("date", values.Get("date"))
		wrong(t, err)
	})
}
