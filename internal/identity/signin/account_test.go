package signin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// TestResetByMail: the link signs in and lets a new password be set; who asks learns nothing, and asks three times at most.
func TestResetByMail(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		w.ann()
		c := w.client()
		c.ask("POST", "/api/session/reset", `{"email":"ann@example.com"}`, "409 mail_not_configured")
		if m := c.ask("GET", "/api/signin", "", "200"); m["mail"] != false {
			t.Errorf("%v", m)
		}
		w.mail.on = true
		if m := c.ask("GET", "/api/signin", "", "200"); m["mail"] != true {
			t.Errorf("%v", m)
		}
		c.header = http.Header{"Accept-Language": {"ko-KR,ko;q=0.9"}}
		c.ask("POST", "/api/session/reset", `{"email":"nobody@example.com"}`, "200")
		c.ask("POST", "/api/session/reset", `{"email":"no address"}`, "400 invalid_value")
		c.ask("POST", "/api/session/reset", `{}`, "400 missing_required_parameter")
		c.ask("POST", "/api/session/reset", `{"email":"ANN@example.com"}`, "200")
		if len(w.mail.sent) != 1 {
			t.Fatalf("%+v", w.mail.sent)
		}
		m := w.mail.sent[0]
		_, rest, _ := strings.Cut(m.Text, "http://parley.example.com/signin?token=")
		token, _, ok := strings.Cut(rest, "&next=/account")
		if m.To != address || m.Lang != "ko" || !ok {
			t.Fatalf("%+v", m)
		}
		c.ask("POST", "/api/session", `{"token":"`+token+`"}`, "200")
		c.ask("PUT", "/api/account/password", `{"password":"eleven wombats on a shelf"}`, "200")
		if last := w.mail.sent[len(w.mail.sent)-1]; last.Lang != "ko" || last.To != address || strings.Contains(last.Text, "http") || len(w.mail.sent) != 2 {
			t.Errorf("%+v", last)
		}
		c.password("eleven wombats on a shelf", "", "200")
		for range 3 {
			c.ask("POST", "/api/session/reset", `{"email":"ann@example.com"}`, "200")
		}
		// It opens no organization that wants single sign-on: anybody may ask for it. A link that the server's machine printed does.
		if _, err := db.Exec(t.Context(), `UPDATE organizations SET sso_required = TRUE`); err != nil {
			t.Fatal(err)
		}
		_, rest, _ = strings.Cut(w.mail.sent[len(w.mail.sent)-1].Text, "http://parley.example.com/signin?token=")
		token, _, _ = strings.Cut(rest, "&next=/account")
		w.client().ask("POST", "/api/session", `{"token":"`+token+`"}`, "401 sso_required")
		w.client().link(w.owner, "200")
		c.ask("POST", "/api/session/reset", `{"email":"ann@example.com"}`, "429 too_many_attempts")
	})
}

func TestProfile(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		c := w.ann()
		token, _, err := w.ids.Invite(t.Context(), w.owner, "bob@example.com", actor.Member, nil)
		if err != nil {
			t.Fatal(err)
		}
		bob := w.client()
		bob.ask("POST", "/api/session", `{"token":"`+token+`"}`, "200")
		bob.ask("POST", "/api/account", `{"email":"ann@example.com"}`, "409")
		bob.ask("POST", "/api/account", `{"email":"nothing"}`, "400 invalid_value")
		bob.ask("POST", "/api/account", `{"name":" "}`, "400 missing_required_parameter")
		bob.ask("POST", "/api/account", `{"name":"Bob"}`, "200")
		if s := bob.ask("GET", "/api/session", "", "200"); s["user"].(map[string]any)["name"] != "Bob" {
			t.Errorf("%v", s)
		}
		w.clock.Advance(FreshFor)
		// Another address wants the password; where there is mail it wants to be confirmed, too, and the old one is told.
		c.ask("POST", "/api/account", `{"email":"a2@example.com"}`, "400 current_password_required")
		w.mail.on = true
		a := c.ask("POST", "/api/account", `{"email":"a2@example.com","name":"Ann 2","current_password":"`+password+`"}`, "200")
		if a["email"] != address || a["name"] != "Ann 2" || a["mail_sent"] != true || len(w.mail.sent) != 1 || w.mail.sent[0].To != "a2@example.com" {
			t.Fatalf("%v %+v", a, w.mail.sent)
		}
		_, rest, _ := strings.Cut(w.mail.sent[0].Text, "/account?confirm=")
		link, _, _ := strings.Cut(rest, "\n")
		bob.ask("POST", "/api/account/email", `{"token":"`+link+`"}`, "401 invalid_signin_link")  // not his
		w.client().ask("POST", "/api/session", `{"token":"`+link+`"}`, "401 invalid_signin_link") // no way in
		if a := c.ask("POST", "/api/account/email", `{"token":"`+link+`"}`, "200"); a["email"] != "a2@example.com" {
			t.Errorf("%v", a)
		}
		c.ask("POST", "/api/account/email", `{"token":"`+link+`"}`, "401 invalid_signin_link")
		if last := w.mail.sent[1]; last.To != address || len(w.mail.sent) != 2 {
			t.Errorf("%+v", last)
		}
		if s := c.ask("GET", "/api/session", "", "200"); s["email"] != "a2@example.com" {
			t.Errorf("%v", s)
		}
		c.password(password, "", "401 invalid_credentials") // by the old address
		c.ask("POST", "/api/session", `{"email":"a2@example.com","password":"`+password+`"}`, "200")
		_, all := w.lines()
		if !strings.Contains(all, `{"email":"a2@example.com"}`) || strings.Contains(all, link) {
			t.Errorf("%s", all)
		}
	})
}

// TestOperator: on the server's machine passwords are set and second factors reset, for members of the chosen organization alone.
func TestOperator(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		c := w.ann()
		c.enrol()
		api, err := httpapi.New(httpapi.Options{Routes: w.AdminRoutes(), Auth: operator{w.owner}, Logger: w.log, Clock: w.clock})
		if err != nil {
			t.Fatal(err)
		}
		ask := func(method, path, body string, want int, code string) {
			t.Helper()
			rec := httptest.NewRecorder()
			api.ServeHTTP(rec, httptest.NewRequest(method, path, strings.NewReader(body)))
			if rec.Code != want || !strings.Contains(rec.Body.String(), code) {
				t.Errorf("%s %s: %d %s", method, path, rec.Code, rec.Body)
			}
		}
		user := "/admin/users/" + w.owner.User
		ask("PUT", user+"/password", `{"password":"short"}`, 400, "password_too_short")
		ask("PUT", "/admin/users/user-none/password", `{"password":"eleven wombats on a shelf"}`, 404, "No such user")
		ask("PUT", user+"/password", `{"password":"eleven wombats on a shelf"}`, 200, `"done":true`)
		c.ask("GET", "/api/session", "", "401 session_expired")
		c.password("eleven wombats on a shelf", "", "401 code_required")
		ask("DELETE", "/admin/users/user-none/second-factor", "", 404, "No such user")
		ask("DELETE", user+"/second-factor", "", 200, `"done":true`)
		c.password("eleven wombats on a shelf", "", "200")

		_, o, err := w.ids.CreateOrganization(t.Context(), "second", "boss@example.com")
		if err != nil {
			t.Fatal(err)
		}
		other, err := w.ids.Operator(t.Context(), o.ID, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := w.ResetSecondFactor(t.Context(), other, w.owner.User, ""); fault.KindOf(err) != fault.NotFound {
			t.Errorf("another organization's member: %v", err)
		}
	})
}

// operator lets every request act as one.
type operator struct{ who actor.Actor }

func (o operator) Authenticate(*http.Request) (actor.Actor, error) { return o.who, nil }

// TestLeftAll: who belongs to no organization any more does not get in, and is told why only with the right password.
func TestLeftAll(t *testing.T) {
	w := start(t, storetest.Open(t, storetest.SQLite(t), store.Options{}))
	w.ann()
	token, _, err := w.ids.Invite(t.Context(), w.owner, "bob@example.com", actor.Member, nil)
	if err != nil {
		t.Fatal(err)
	}
	bob := w.client()
	id := bob.ask("POST", "/api/session", `{"token":"`+token+`"}`, "200")["user"].(map[string]any)["id"].(string)
	bob.ask("PUT", "/api/account/password", `{"password":"`+password+`"}`, "200")
	if err := w.ids.RemoveUser(t.Context(), w.owner, id); err != nil {
		t.Fatal(err)
	}
	bob.ask("POST", "/api/session", `{"email":"bob@example.com","password":"guess"}`, "401 invalid_credentials")
	bob.ask("POST", "/api/session", `{"email":"bob@example.com","password":"`+password+`"}`, "403 no_organization")
}

// TestRehash: a hash that costs less than those of today is made anew when its password is given.
func TestRehash(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		w.ann()
		stored := func() string {
			h, err := w.passwordOf(t.Context(), db.Read(), w.owner.User)
			if err != nil {
				t.Fatal(err)
			}
			return h
		}
		before := stored()
		w.client().password(password, "", "200")
		if stored() != before {
			t.Error("made anew without a reason")
		}
		w.hash.cost = params{memory: 128, time: 2, threads: 1}
		w.client().password("guess", "", "401 invalid_credentials")
		if stored() != before {
			t.Error("made anew by a wrong password")
		}
		w.client().password(password, "", "200")
		if got := stored(); !strings.HasPrefix(got, "$argon2id$v=19$m=128,t=2,p=1$") {
			t.Errorf("%s", got)
		}
		w.client().password(password, "", "200")
	})
}

// TestCost: what is stored costs OWASP's minimum at least.
func TestCost(t *testing.T) {
	h := newHasher()
	stored, err := h.hash(t.Context(), password)
	if err != nil || !strings.HasPrefix(stored, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("%s %v", stored, err)
	}
	again, err := h.hash(t.Context(), password)
	if err != nil || again == stored {
		t.Errorf("two hashes of one password are alike: %v", err)
	}
	for secret, want := range map[string]bool{password: true, password + " ": false, "": false} {
		if ok, stale, err := h.verify(t.Context(), secret, stored); err != nil || ok != want || stale {
			t.Errorf("%q: %v %v %v", secret, ok, stale, err)
		}
	}
	if ok, _, err := h.verify(t.Context(), "", ""); ok || err != nil {
		t.Errorf("nobody's hash: %v %v", ok, err)
	}
}

// TestKnownHash holds our reading of the PHC form against the reference implementation's test: argon2id, 2 passes, 64 MiB, one lane.
func TestKnownHash(t *testing.T) {
	const known = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if ok, _, err := newHasher().verify(t.Context(), "password", known); !ok || err != nil {
		t.Errorf("%v %v", ok, err)
	}
}

func FuzzPHC(f *testing.F) {
	for _, s := range []string{"", "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "$argon2id$v=19$m=4294967295,t=9,p=255$$", "$argon2i$v=19$m=1,t=1,p=1$a$b",
		"$argon2id$v=19$m= 64,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "$argon2id$v=19$m=64,t=1,p=1x$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePHC(text)
		if err != nil {
			if !errors.Is(err, errPHC) {
				t.Fatal(err)
			}
			return
		}
		if p.String() != text || p.memory > maxParams.memory || p.time > maxParams.time {
			t.Errorf("%q is read as %q", text, p)
		}
	})
}

// FuzzSession sends bodies to the routes that need nobody: whatever they are, the answer is an error of the API, and no session.
func FuzzSession(f *testing.F) {
	w := start(f, storetest.Open(f, storetest.SQLite(f), store.Options{}))
	w.ann()
	for _, s := range []string{`{}`, `{"token":"x"}`, `{"token":"join-x"}`, `{"email":"ann@example.com","password":"x","code":"1"}`, `{"email":"\ud800"}`, `[]`, `{"email":"a@b","password":"\u0000"}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		for _, path := range []string{"/api/session", "/api/session/reset"} {
			r := httptest.NewRequest("POST", path, strings.NewReader(body))
			rec := httptest.NewRecorder()
			w.api.ServeHTTP(rec, r)
			if rec.Code < 400 || rec.Code >= 500 || !json.Valid(rec.Body.Bytes()) || len(rec.Result().Cookies()) != 0 {
				t.Errorf("%s %q: %d %s", path, body, rec.Code, rec.Body)
			}
		}
	})
}

// FuzzPassword scores passwords of all kinds: nothing hangs and nothing breaks.
func FuzzPassword(f *testing.F) {
	for _, s := range []string{password, "비밀번호", "\xff\xfe", strings.Repeat("a1", 600), strings.Repeat("2024-01-04", 20), "qazwsxedcrfvtgbyhnujmik,ol.p;/['"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, password string) {
		if err := checkPassword("password", password, address, "Ann"); err == nil && (len(password) < MinPassword || len(password) > MaxPassword) {
			t.Errorf("%q is taken", password)
		} else if err != nil && fault.KindOf(err) != fault.Invalid {
			t.Error(fmt.Errorf("%q: %w", password, err))
		}
	})
}

// TestAddressTakesItsLinks: with a new address the links end that wait in the old one's mailbox.
func TestAddressTakesItsLinks(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		ann := w.ann()
		w.mail.on = true
		w.client().ask("POST", "/api/session/reset", `{"email":"ann@example.com"}`, "200")
		_, rest, _ := strings.Cut(w.mail.sent[0].Text, "http://parley.example.com/signin?token=")
		token, _, _ := strings.Cut(rest, "&next=/account")
		ann.ask("POST", "/api/account", `{"name":"Anna"}`, "200") // another name alone leaves them
		if _, _, err := w.ids.LinkOwner(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		w.mail.on = false
		ann.ask("POST", "/api/account", `{"email":"new@example.com","current_password":"`+password+`"}`, "200")
		w.client().ask("POST", "/api/session", `{"token":"`+token+`"}`, "401 invalid_signin_link")
	})
}

// TestInvitedAgain: somebody who is signed in and accepts an invitation goes on in the same session. It gets a new secret and does not
// begin anew, or a session that was stolen could set a password without the present one, by an invitation of the thief's own.
func TestInvitedAgain(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		w.ann()
		ann := w.client()
		ann.password(password, "", "200")
		w.clock.Advance(time.Hour)
		token, o, err := w.ids.CreateOrganization(t.Context(), "other", address)
		if err != nil {
			t.Fatal(err)
		}
		before := w.client()
		before.cookie = ann.cookie
		if s := ann.ask("POST", "/api/session", `{"token":"`+token+`"}`, "200"); s["organization"].(map[string]any)["id"] != o.ID {
			t.Errorf("%v", s)
		}
		before.ask("GET", "/api/session", "", "401 session_expired")
		if a := ann.ask("GET", "/api/account", "", "200"); a["fresh"] != false {
			t.Errorf("%v", a)
		}
		ann.ask("PUT", "/api/account/password", `{"password":"eleven wombats on a shelf"}`, "400 current_password_required")
		ann.ask("PUT", "/api/account/password", `{"password":"eleven wombats on a shelf","current_password":"`+password+`"}`, "200")
		// Somebody else's session ends with the invitation of who has no account.
		bob := w.client()
		token, _, err = w.ids.Invite(t.Context(), w.owner, "bob@example.com", actor.Member, nil)
		if err != nil {
			t.Fatal(err)
		}
		before.cookie, bob.cookie = ann.cookie, ann.cookie
		if s := bob.ask("POST", "/api/session", `{"token":"`+token+`"}`, "200"); s["email"] != "bob@example.com" {
			t.Errorf("%v", s)
		}
		before.ask("GET", "/api/session", "", "401 session_expired")
	})
}
