package httpapi

import (
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/parley-ai/parley/internal/fault"
)

// FuzzQuery holds that whatever stands behind the question mark becomes values within their bounds, or an
// error for the caller that does not grow with what was sent.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{"limit=5&order=asc&after=chat_1", "limit=", "limit=101", "limit=9e9&order=up", "n=-1&on=yes&many=a,b&many[]=c", "%zz=;&limit=%00", "limit=1&limit=2"} {
		f.Add(s)
	}
	type query struct {
		N    int      `query:"n"`
		On   *bool    `query:"on"`
		Many []string `query:"many"`
		Name *string  `query:"name"`
	}
	f.Fuzz(func(t *testing.T, raw string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.RawQuery = raw
		check := func(err error) {
			if err == nil {
				return
			}
			fe := fault.As(err)
			if fe == nil || fe.Kind != fault.Invalid || fe.Param == "" || len(fe.Message) > 1000 {
				t.Errorf("%q: %v", raw, err)
			}
		}
		p, err := PageOf(r)
		if check(err); err == nil && (p.Limit < 1 || p.Limit > MaxPageSize || p.Order != "asc" && p.Order != "desc") {
			t.Errorf("%q: %+v", raw, p)
		}
		q, err := Query[query](r)
		if check(err); err == nil && q.Many == nil && (url.Values)(r.URL.Query()).Has("many") {
			t.Errorf("%q: the list is lost", raw)
		}
	})
}
