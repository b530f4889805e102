package identity

import (
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// FuzzAuthenticate holds that only the key itself lets somebody in, whatever the headers are, and that a
// refusal does not repeat a secret.
func FuzzAuthenticate(f *testing.F) {
	w := start(f, storetest.Open(f, storetest.SQLite(f), store.Options{}))
	secret, _ := w.key(f)
	for _, header := range []string{"Bearer x", "bearer  sk-x ", "Basic Ong=", "Basic eDp5", "Basic \xff", "Digest", "Bearer ", "Basic " + strings.Repeat("QUFB", 200), "Bearer " + strings.Repeat("k", 300)} {
		f.Add(header, "", "")
	}
	f.Add("", "ps-x", "")
	f.Add("", "\x00\xff", "org-x")
	f.Add("Bearer "+"sk-"+strings.Repeat("a", 48), "ps-x", "Personal")
	f.Fuzz(func(t *testing.T, header, cookie, org string) {
		r := bearer("", "Authorization", header, "Cookie", Cookie+"="+cookie, "OpenAI-Organization", org)
		who, err := w.Authenticate(r)
		if err == nil {
			t.Fatalf("%q %q let in %+v", header, cookie, who)
		}
		fe := fault.As(err)
		if fe == nil || fe.Kind != fault.Unauthorized || len(fe.Message) > 1000 {
			t.Fatalf("%q %q: %v", header, cookie, err)
		}
		if given, ok := secretOf(r, header); ok && len(given) >= 24 && strings.Contains(fe.Message, given) {
			t.Errorf("the answer repeats %q", given)
		}
		// The right key, said to be of another organization.
		r = bearer(secret, "OpenAI-Organization", org)
		if _, err := w.Authenticate(r); (err == nil) != (org == "" || org == w.owner.Org || org == w.owner.OrgName) {
			t.Errorf("organization %q: %v", org, err)
		}
	})
}
