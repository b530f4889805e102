package sso

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/identity"
	"github.com/parley-ai/parley/internal/store"
)

// TestBackchannelLogout: who signs out at the provider is signed out here, of one session or of all that began there; nothing but a fresh
// logout token of the provider does it, and other sessions stay.
func TestBackchannelLogout(t *testing.T) {
	run(t, func(c *Config) { c.Create = true }, func(t *testing.T, f *site) {
		come := func(sid string) *browser {
			c := ann()
			if sid != "" {
				c["sid"] = sid
			}
			f.provider.is(c)
			b := f.browser()
			if at := b.come(""); at != "/" || b.me().Role == "" {
				t.Fatalf("%s\n%s", at, f.log)
			}
			return b
		}
		one, two := come("session-1"), come("session-2")
		var byLink identity.Session
		if err := f.db.Tx(t.Context(), func(tx *store.Tx) (err error) {
			byLink, err = f.ids.BeginSession(t.Context(), tx, identity.Beginning{Org: f.owner.Org, User: one.me().User.ID, Method: identity.ByLink})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		linked := f.browser()
		linked.cookies[identity.Cookie] = byLink.Secret
		in := func(b *browser) bool { return b.me().Role != "" }

		logout := func(change func(map[string]any)) int {
			t.Helper()
			claims := map[string]any{"iss": f.provider.URL, "aud": clientID, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(), "jti": "x",
				"sub": "ann-1", "events": map[string]any{logoutEvent: map[string]any{}}}
			if change != nil {
				change(claims)
			}
			r := httptest.NewRequest(http.MethodPost, logoutPath, strings.NewReader(url.Values{"logout_token": {f.provider.sign(claims)}}.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			rec := httptest.NewRecorder()
			f.api.ServeHTTP(rec, r)
			if rec.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%v", rec.Header())
			}
			return rec.Code
		}
		for name, change := range map[string]func(map[string]any){
			"an ID token":          func(c map[string]any) { delete(c, "events") },
			"another event":        func(c map[string]any) { c["events"] = map[string]any{"http://example.com/other": map[string]any{}} },
			"a nonce":              func(c map[string]any) { c["nonce"] = "x" },
			"for another client":   func(c map[string]any) { c["aud"] = "somebody" },
			"by another issuer":    func(c map[string]any) { c["iss"] = "https://evil.example" },
			"over":                 func(c map[string]any) { c["exp"] = time.Now().Add(-time.Minute).Unix() },
			"of yesterday":         func(c map[string]any) { c["iat"] = time.Now().Add(-24 * time.Hour).Unix() },
			"of nobody":            func(c map[string]any) { delete(c, "sub") },
			"signed by a stranger": func(map[string]any) { f.provider.alg = "stranger" },
			"signed by nobody":     func(map[string]any) { f.provider.alg = "none" },
		} {
			if code := logout(change); code != http.StatusBadRequest {
				t.Errorf("%s: %d", name, code)
			}
			f.provider.alg = "RS256"
		}
		if !in(one) || !in(two) || !in(linked) {
			t.Fatal("somebody was signed out")
		}
		// Somebody unknown, and a session of nobody, are no error, and tell nothing.
		for _, change := range []func(map[string]any){
			func(c map[string]any) { c["sub"] = "stranger" },
			func(c map[string]any) { c["sub"] = "stranger"; c["sid"] = "session-1" },
			func(c map[string]any) { c["sid"] = "session-9" },
		} {
			if code := logout(change); code != http.StatusOK || !in(one) || !in(two) {
				t.Errorf("%d", code)
			}
		}
		if code := logout(func(c map[string]any) { delete(c, "sub"); c["sid"] = "session-1" }); code != http.StatusOK || in(one) || !in(two) || !in(linked) {
			t.Errorf("one session: %d, %v %v %v", code, in(one), in(two), in(linked))
		}
		third := come("")
		if code := logout(nil); code != http.StatusOK || in(two) || in(third) || !in(linked) {
			t.Errorf("all: %d, %v %v %v", code, in(two), in(third), in(linked))
		}
		var lines int
		if err := f.db.Read().QueryRow(t.Context(), `SELECT COUNT(*) FROM audit_log WHERE type = 'logout.succeeded'`).Scan(&lines); err != nil || lines != 3 {
			t.Errorf("%d lines, %v", lines, err)
		}
		if strings.Contains(f.log.String(), "eyJ") {
			t.Errorf("a token is in the log: %s", f.log)
		}
	})
}
