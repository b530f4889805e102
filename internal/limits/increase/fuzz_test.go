package increase

import (
	"net/url"
	"testing"

	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// FuzzAsk holds that what is asked and decided, and how lists are asked for, is done or refused as bad, not found or in conflict.
func FuzzAsk(f *testing.F) {
	w := start(f, storetest.Open(f, storetest.SQLite(f), store.Options{}))
	for _, body := range []string{
		`{"reason": "x", "wanted": {"max_requests_per_1_minute": 30}}`, `{"reason": "\u0000", "model": "\ud800", "wanted": {}}`, `{"granted": {"max_tokens_per_1_day": 1e99}}`,
		`{"subject": "user", "subject_id": "user-m", "reason": "x", "wanted": {"max_tokens_per_1_minute": 9007199254740993}}`, `[]`, `{"note": 1}`,
	} {
		f.Add(body, "state=open&limit=3&after=lr_x")
	}
	f.Fuzz(func(t *testing.T, body, query string) {
		check := func(status int, answer string) {
			t.Helper()
			if status != 200 && status != 400 && status != 404 && status != 409 {
				t.Fatalf("%q %q: %d %s", body, query, status, answer)
			}
		}
		check(call(t, w.Service, member, "POST", "/api/limits/requests", body))
		if _, err := url.ParseQuery(query); err == nil {
			check(call(t, w.Service, member, "GET", "/api/limits/requests?"+url.PathEscape(query), ""))
		}
		open, _, err := w.ListAll(t.Context(), "", Open, store.Paging{})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range open {
			check(call(t, w.Service, operator, "POST", "/admin/limits/requests/"+r.ID+"/approve", body))
			check(call(t, w.Service, owner, "DELETE", "/api/limits/requests/"+r.ID, ""))
		}
	})
}
