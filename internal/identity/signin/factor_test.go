package signin

import (
	"encoding/base32"
	"encoding/base64"
	"image/png"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// TestCodes holds codes against RFC 6238, appendix B, whose eight digits end in the six that apps show.
func TestCodes(t *testing.T) {
	seed := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString([]byte("12345678901234567890"))
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130"} {
		now := time.Unix(at, 0)
		step, ok := match(want, seed, 0, now)
		if !ok || step != at/period {
			t.Errorf("%d: %s is not the code of step %d: %d %v", at, want, at/period, step, ok)
		}
		for _, off := range []time.Duration{-period, period} {
			if _, ok := match(want, seed, 0, now.Add(off*time.Second)); !ok {
				t.Errorf("%d: refused one step off", at)
			}
			if _, ok := match(want, seed, 0, now.Add(2*off*time.Second)); ok && at > 2*period { // before 1970 there are no steps
				t.Errorf("%d: taken two steps off", at)
			}
		}
		if _, ok := match(want, seed, step, now); ok {
			t.Errorf("%d: taken twice", at)
		}
	}
}

func TestSecondFactor(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		c := w.ann()
		elsewhere := w.client()
		elsewhere.password(password, "", "200")
		w.clock.Advance(FreshFor)

		// Setting up wants the password, and counts only when a code confirms it.
		const path = "/api/account/second-factor"
		c.ask("POST", path+"/confirm", `{"code":"123456"}`, "409 not_enrolling")
		c.ask("POST", path, `{}`, "400 current_password_required")
		e := c.ask("POST", path, `{"current_password":"`+password+`"}`, "200")
		secret := strings.ReplaceAll(e["secret"].(string), "-", "")
		if len(secret) != 32 || !strings.HasPrefix(e["uri"].(string), "otpauth://totp/Parley%20%28parley.example.com%29:ann@example.com?") || !strings.Contains(e["uri"].(string), "secret="+secret) {
			t.Errorf("%v", e)
		}
		_, data, _ := strings.Cut(e["qr"].(string), "data:image/png;base64,")
		if img, err := png.Decode(base64.NewDecoder(base64.StdEncoding, strings.NewReader(data))); err != nil || img.Bounds().Dx() != 300 {
			t.Errorf("the picture: %v", err)
		}
		w.client().password(password, "", "200") // not on yet
		c.ask("POST", path+"/confirm", `{"code":"000000"}`, "400 invalid_code")
		before := c.cookie
		out := c.ask("POST", path+"/confirm", `{"code":"`+w.code(secret)+`"}`, "200")
		if len(out["codes"].([]any)) != 10 || c.cookie == before {
			t.Errorf("%v", out)
		}
		elsewhere.ask("GET", "/api/session", "", "401 session_expired")
		if a := c.ask("GET", "/api/account", "", "200"); a["second_factor_since"] == nil || a["recovery_codes_left"] != 10.0 {
			t.Errorf("%v", a)
		}

		// Signing in: the code that confirmed counts no more, the next one once.
		d := w.client()
		d.password(password, "", "401 code_required")
		d.password(password, w.code(secret), "401 invalid_code")
		w.clock.Advance(period * time.Second)
		d.password("wrong", w.code(secret), "401 invalid_credentials") // and the code was not used up by that
		d.password(password, " "+w.code(secret)[:3]+" "+w.code(secret)[3:], "200")
		w.mail.on = true
		w.client().password(password, w.code(secret), "401 invalid_code")
		w.client().password(password, "000000", "401 invalid_code")
		if n := len(w.mail.sent); n != 1 || w.mail.sent[0].To != address || !strings.Contains(w.mail.sent[0].Subject, "tried twice") {
			t.Errorf("who has the app is not told of a code that was used twice: %+v", w.mail.sent)
		}
		w.mail.on = false
		w.clock.Advance(15 * time.Second) // wrong codes have closed the door for a while

		// A link stands for the password, not for the second factor, and is not used up by a code that is not right.
		token, err := w.ids.SignInLink(t.Context(), w.owner)
		if err != nil {
			t.Fatal(err)
		}
		l := w.client()
		l.ask("POST", "/api/session", `{"token":"`+token+`"}`, "401 code_required")
		l.ask("POST", "/api/session", `{"token":"`+token+`","code":"000000"}`, "401 invalid_code")
		w.clock.Advance(period * time.Second)
		l.ask("POST", "/api/session", `{"token":"`+token+`","code":"`+w.code(secret)+`"}`, "200")
		l.ask("POST", "/api/session", `{"token":"`+token+`","code":"`+w.code(secret)+`"}`, "401 invalid_signin_link")

		// Another phone: wants a code of the first, which counts until the second is confirmed.
		w.clock.Advance(period * time.Second)
		l.ask("POST", path, `{"current_password":"`+password+`"}`, "400 code_required")
		e = l.ask("POST", path, `{"current_password":"`+password+`","code":"`+w.code(secret)+`"}`, "200")
		w.clock.Advance(period * time.Second)
		w.client().password(password, w.code(secret), "200")
		second := strings.ReplaceAll(e["secret"].(string), "-", "")
		l.ask("POST", path+"/confirm", `{"code":"`+w.code(second)+`"}`, "200")
		w.clock.Advance(2 * period * time.Second)
		w.client().password(password, w.code(secret), "401 invalid_code")
		w.client().password(password, w.code(second), "200")

		// Off: wants both.
		w.clock.Advance(period * time.Second)
		l.ask("POST", path+"/remove", `{"code":"`+w.code(second)+`"}`, "200") // a link began this session a moment ago
		l.ask("POST", path+"/remove", `{}`, "409 no_second_factor")
		w.client().password(password, "", "200")

		_, all := w.lines()
		var stored []string
		for _, query := range []string{`SELECT seed || pending FROM second_factors`, `SELECT hash FROM recovery_codes`, `SELECT hash FROM passwords`} {
			rows, err := store.Collect(t.Context(), db.Read(), func(row store.Scanner) (s string, err error) { return s, row.Scan(&s) }, query)
			if err != nil {
				t.Fatal(err)
			}
			stored = append(stored, rows...)
		}
		all += strings.Join(stored, "\n")
		for _, s := range []string{secret, second, password} {
			if strings.Contains(all, s) {
				t.Errorf("%s can be read: %s", s, all)
			}
		}
	})
}

func TestRecoveryCodes(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		c := w.ann()
		w.mail.on = true
		secret, codes := c.enrol()
		if slices.Contains(codes, "") || len(slices.Compact(slices.Sorted(slices.Values(codes)))) != 10 || len(codes[0]) != 19 {
			t.Fatalf("%v", codes)
		}
		lost := w.client()
		lost.password(password, strings.ToLower(codes[3]), "200")
		if got := w.mail.sent[len(w.mail.sent)-1]; got.To != address || !strings.Contains(got.Subject, "recovery code") {
			t.Errorf("%+v", got)
		}
		w.client().password(password, codes[3], "401 invalid_code") // once
		w.client().password(password, "AAAA-AAAA-AAAA-AAAA", "401 invalid_code")
		w.client().password(password, strings.Repeat("A", 5000), "401 invalid_code")
		if a := lost.ask("GET", "/api/account", "", "200"); a["recovery_codes_left"] != 9.0 {
			t.Errorf("%v", a)
		}
		// New ones end the old ones.
		w.clock.Advance(FreshFor)
		lost.ask("POST", "/api/account/recovery-codes", `{"current_password":"`+password+`"}`, "400 code_required")
		fresh := lost.ask("POST", "/api/account/recovery-codes", `{"current_password":"`+password+`","code":"`+w.code(secret)+`"}`, "200")["codes"].([]any)
		w.client().password(password, codes[4], "401 invalid_code")
		w.client().password(password, fresh[0].(string), "200")
		types, all := w.lines()
		if number(types, RecoveryUsed) != 2 || number(types, RecoveryCreated) != 1 || strings.Contains(all, codes[3]) {
			t.Errorf("%v", types)
		}
	})
}

// TestOneCodeOnce: of many who show the same code at once one gets in.
func TestOneCodeOnce(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		c := w.ann()
		secret, codes := c.enrol()
		for _, code := range []string{w.code(secret), codes[0]} {
			w.clock.Advance(forgetAfter)
			if isTimed(code) {
				code = w.code(secret)
			}
			var mu sync.Mutex
			var wg sync.WaitGroup
			in := 0
			for i := range 4 {
				wg.Go(func() {
					_, err := w.SignIn(t.Context(), Credentials{Email: address, Password: password, Code: code})
					mu.Lock()
					defer mu.Unlock()
					if err == nil {
						in++
					} else if !strings.Contains(err.Error(), "used already") && !strings.Contains(err.Error(), "Too many") {
						t.Errorf("%d: %v", i, err)
					}
				})
			}
			wg.Wait()
			if in != 1 {
				t.Errorf("%s let %d in", code, in)
			}
		}
	})
}

// TestRequired: an organization that requires a second factor lets members without one do nothing but set one up.
func TestRequired(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		ann := w.ann()
		secret, _ := ann.enrol()
		token, _, err := w.ids.Invite(t.Context(), w.owner, "bob@example.com", actor.Owner, nil)
		if err != nil {
			t.Fatal(err)
		}
		bob := w.client()
		bob.ask("POST", "/api/session", `{"token":"`+token+`"}`, "200")
		bob.ask("POST", "/api/keys", `{"name":"mine"}`, "200")
		const policy = "/api/organization/signin"
		ann.ask("POST", policy, `{}`, "400 missing_required_parameter")
		if p := ann.ask("POST", policy, `{"require_second_factor":true}`, "200"); p["require_second_factor"] != true {
			t.Errorf("%v", p)
		}
		ann.ask("GET", "/api/keys", "", "200")

		for _, rt := range slices.Concat(w.ids.Routes(), w.Routes()) {
			if rt.Method == http.MethodGet && rt.Scope != "" && !strings.HasPrefix(rt.Scope, "session.") && !strings.Contains(rt.Path, "{") {
				bob.ask(rt.Method, rt.Path, "", "403 second_factor_required")
			}
		}
		bob.ask("POST", "/api/keys", `{"name":"more"}`, "403 second_factor_required")
		bob.ask("POST", policy, `{"require_second_factor":false}`, "403 second_factor_required")
		bob.header = http.Header{"Openai-Organization": {w.owner.Org}}
		bob.ask("GET", "/api/keys", "", "403 second_factor_required")
		// Another organization, which requires nothing, is no way to the operator's or a reviewer's part.
		if _, err := w.ids.AddReviewer(t.Context(), w.owner, "bob@example.com"); err != nil {
			t.Fatal(err)
		}
		other, o, err := w.ids.CreateOrganization(t.Context(), "other", "bob@example.com")
		if err != nil {
			t.Fatal(err)
		}
		bob.header = http.Header{}
		if s := bob.ask("POST", "/api/session", `{"token":"`+other+`"}`, "200"); s["operator"] != false || s["reviewer"] != false || s["role"] != actor.Owner {
			t.Errorf("%v", s)
		}
		bob.header = http.Header{"Openai-Organization": {o.ID}}
		if s := bob.ask("GET", "/api/session", "", "200"); s["operator"] != false || s["reviewer"] != false || s["held"] != nil {
			t.Errorf("%v", s)
		}
		bob.header = http.Header{"Openai-Organization": {w.owner.Org}}
		if s := bob.ask("GET", "/api/session", "", "200"); s["held"] != "second_factor" || s["operator"] != false {
			t.Errorf("%v", s)
		}
		e := bob.ask("POST", "/api/account/second-factor", `{}`, "200")
		bob.ask("POST", "/api/account/second-factor/confirm", `{"code":"`+w.code(strings.ReplaceAll(e["secret"].(string), "-", ""))+`"}`, "200")
		bob.ask("GET", "/api/keys", "", "200")
		if s := bob.ask("GET", "/api/session", "", "200"); s["held"] != nil || s["operator"] != true {
			t.Errorf("%v", s)
		}
		// It cannot be turned off while that is so, and it can afterwards.
		remove := func(want string) {
			t.Helper()
			w.clock.Advance(period * time.Second)
			ann.ask("POST", "/api/account/second-factor/remove", `{"current_password":"`+password+`","code":"`+w.code(secret)+`"}`, want)
		}
		remove("409 second_factor_required")
		ann.ask("POST", policy, `{"require_second_factor":false}`, "200")
		remove("200")
		types, _ := w.lines()
		if number(types, OrganizationUpdated) != 2 {
			t.Errorf("%v", types)
		}
	})
}
