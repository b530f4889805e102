package signin

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/identity"
	"github.com/parley-ai/parley/internal/mail"
	"github.com/parley-ai/parley/internal/secrets"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

const (
	address  = "ann@example.com"
	password = "seven otters in a drawer"
)

// box is a fake Mailer: it keeps what is sent.
type box struct {
	on   bool
	sent []mail.Message
}

func (b *box) Configured() bool { return b.on }

func (b *box) Send(_ context.Context, tx *store.Tx, m mail.Message) error {
	tx.AfterCommit(func() { b.sent = append(b.sent, m) })
	return nil
}

// world is an installation with sign-in and the routes of identity.
type world struct {
	*Service
	t     testing.TB
	ids   *identity.Service
	api   *httpapi.API
	mail  *box
	clock *clock.Fake
	owner actor.Actor
}

func start(t testing.TB, db *store.DB) *world {
	t.Helper()
	clk := clock.NewFake(time.Date(2024, 1, 4, 12, 0, 0, 0, time.UTC))
	log := slog.New(slog.DiscardHandler)
	ids := identity.New(db, clk, log)
	t.Cleanup(func() {
		if err := ids.Close(context.Background()); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	ids.Page = func() string { return "http://parley.example.com" }
	in, err := ids.Bootstrap(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	keys, err := secrets.Open(context.Background(), secrets.Options{DB: db, Home: t.TempDir(), Clock: clk, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, ids: ids, mail: &box{}, clock: clk, owner: in.Owner}
	w.Service = New(Options{DB: db, Identity: ids, Mail: w.mail, Seal: keys, Clock: clk, Log: log})
	w.resetTakes = 0
	w.hash.cost = params{memory: 64, time: 1, threads: 1} // tests are about what is asked, not about how long a hash takes
	w.api, err = httpapi.New(httpapi.Options{Routes: slices.Concat(ids.Routes(), w.Routes()), Auth: ids, Logger: log, Clock: clk})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// client is a browser that keeps its cookie.
type client struct {
	w      *world
	cookie string
	ip     string
	header http.Header
}

func (w *world) client() *client { return &client{w: w, ip: "192.0.2.1", header: http.Header{}} }

// ask sends a request and returns the answer; want is its status, or a status and an error code ("401 invalid_code").
func (c *client) ask(method, path, body, want string) map[string]any {
	c.w.t.Helper()
	got, out := c.send(method, path, body)
	if got != want {
		c.w.t.Errorf("%s %s: %s, want %s: %v", method, path, got, want, out)
	}
	return out
}

// send returns the status, with the error's code after it, and the answer.
func (c *client) send(method, path, body string) (got string, out map[string]any) {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.RemoteAddr = net.JoinHostPort(c.ip, "1234")
	for k, v := range c.header {
		r.Header[k] = v
	}
	if c.cookie != "" {
		r.AddCookie(&http.Cookie{Name: identity.Cookie, Value: c.cookie})
	}
	rec := httptest.NewRecorder()
	c.w.api.ServeHTTP(rec, r)
	for _, set := range rec.Result().Cookies() {
		if set.Name == identity.Cookie {
			c.cookie = set.Value
		}
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &out); err != nil {
		c.w.t.Fatalf("%s %s: %d %s", method, path, rec.Code, rec.Body)
	}
	got = fmt.Sprint(rec.Code)
	if e, ok := out["error"].(map[string]any); ok {
		if code, ok := e["code"].(string); ok {
			got += " " + code
		}
		out["retry"] = rec.Header().Get("Retry-After")
	}
	return got, out
}

func (c *client) link(who actor.Actor, want string) {
	c.w.t.Helper()
	token, err := c.w.ids.SignInLink(context.Background(), who)
	if err != nil {
		c.w.t.Fatal(err)
	}
	c.ask("POST", "/api/session", `{"token":"`+token+`"}`, want)
}

func (c *client) password(password, code, want string) map[string]any {
	c.w.t.Helper()
	body, err := json.Marshal(map[string]string{"email": address, "password": password, "code": code})
	if err != nil {
		c.w.t.Fatal(err)
	}
	return c.ask("POST", "/api/session", string(body), want)
}

// ann makes the owner's account one with an address and a password, and returns her signed in.
func (w *world) ann() *client {
	w.t.Helper()
	c := w.client()
	c.link(w.owner, "200")
	c.ask("POST", "/api/account", `{"name":"Ann","email":"Ann@Example.com"}`, "200")
	c.ask("PUT", "/api/account/password", `{"password":"`+password+`"}`, "200")
	w.owner.Email = address
	return c
}

// enrol turns ann's second factor on and returns its secret and the recovery codes.
func (c *client) enrol() (secret string, codes []string) {
	c.w.t.Helper()
	e := c.ask("POST", "/api/account/second-factor", `{"current_password":"`+password+`"}`, "200")
	secret = strings.ReplaceAll(e["secret"].(string), "-", "")
	out := c.ask("POST", "/api/account/second-factor/confirm", `{"code":"`+c.w.code(secret)+`"}`, "200")
	for _, code := range out["codes"].([]any) {
		codes = append(codes, code.(string))
	}
	c.w.clock.Advance(period * time.Second)
	return secret, codes
}

// code is what an authenticator app shows now.
func (w *world) code(secret string) string {
	w.t.Helper()
	code, err := totp.GenerateCode(secret, w.clock.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	return code
}

// lines are the types in the audit log with what was done to whom, the oldest first.
func (w *world) lines() (types []string, all string) {
	w.t.Helper()
	err := w.audit.Export(context.Background(), w.owner, audit.Filter{}, func(l audit.Line) error {
		types = append(types, l.Type)
		all += fmt.Sprintf("%+v %s %s\n", l, l.Before, l.After)
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return types, all
}

func TestSignInWithPassword(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		c := w.ann()
		session := c.ask("GET", "/api/session", "", "200")
		if session["email"] != address {
			t.Errorf("%v", session)
		}
		account := c.ask("GET", "/api/account", "", "200")
		if account["password_set_at"] == nil || account["name"] != "Ann" || account["fresh"] != true {
			t.Errorf("%v", account)
		}
		c.ask("DELETE", "/api/session", "", "200")

		other := w.client()
		for _, tt := range []struct{ body, want string }{
			{`{}`, "400 missing_required_parameter"},
			{`{"email":"ann@example.com"}`, "400 missing_required_parameter"},
			{`{"password":"x"}`, "400 missing_required_parameter"},
			{`{"email":"ann@example.com","password":"x","token":"y"}`, "400 invalid_value"},
			{`{"email":"ann@example.com","password":"x"}`, "401 invalid_credentials"},
			{`{"email":"nobody@example.com","password":"` + password + `"}`, "401 invalid_credentials"},
			{`{"email":"\u0000","password":"` + password + `"}`, "401 invalid_credentials"},
			{`{"email":"","password":"` + password + `"}`, "400 missing_required_parameter"},
			{`{"email":"ann@example.com","password":"` + strings.Repeat("x", 2000) + `"}`, "401 invalid_credentials"},
			{`{"email":" ANN@example.com","password":"` + password + `"}`, "200"},
		} {
			other.ask("POST", "/api/session", tt.body, tt.want)
		}
		types, all := w.lines()
		if n := number(types, "login.failed"); n != 2 || number(types, "login.succeeded") != 2 || number(types, "password.updated") != 1 {
			t.Errorf("%v", types)
		}
		for _, secret := range []string{password, "nobody@example.com", "argon2id", other.cookie} {
			if strings.Contains(all, secret) {
				t.Errorf("%q is in the audit log: %s", secret, all)
			}
		}
	})
}

func number(list []string, want string) (n int) {
	for _, s := range list {
		if s == want {
			n++
		}
	}
	return n
}

func TestPasswordRules(t *testing.T) {
	w := start(t, storetest.Open(t, storetest.SQLite(t), store.Options{}))
	c := w.client()
	c.link(w.owner, "200")
	c.ask("POST", "/api/account", `{"name":"Ann Blyth","email":"ann.blyth@example.com"}`, "200")
	for _, tt := range []struct{ password, want string }{
		{"", "400 missing_required_parameter"},
		{"kT9#mvPq2xL", "400 password_too_short"},   // 11 characters
		{"kT9#mv    q2x", "400 password_too_short"}, // spaces in a row are one character
		{strings.Repeat("kT9#mvPq", 129), "400 password_too_long"},
		{"password1234", "400 password_too_common"},
		{"123456789012", "400 password_too_common"},
		{"qwertyuiopas", "400 password_too_common"},
		{"aaaaaaaaaaaaaaaaaaaaaaaa", "400 password_too_common"},
		{"Summer2023!!", "400 password_too_common"},
		{"annblyth2024", "400 password_too_common"},
		{"parleyparley", "400 password_too_common"},
		{"kT9#mvPq2xLw", "200"},
		{"correct horse battery staple", "200"},
		{"otters in a drawer", "200"},            // no rules of digits and signs
		{"수달 일곱 마리가 서랍에 산다", "200"},              // any characters
		{strings.Repeat("wombat Ⅷ ", 70), "200"}, // 910 bytes, none of them cut off
	} {
		body, _ := json.Marshal(map[string]string{"password": tt.password})
		c.ask("PUT", "/api/account/password", string(body), tt.want)
	}
	long := strings.Repeat("wombat Ⅷ ", 70)
	for password, want := range map[string]string{long: "200", long[:len(long)-1]: "401 invalid_credentials"} {
		body, _ := json.Marshal(map[string]string{"email": "ann.blyth@example.com", "password": password})
		w.client().ask("POST", "/api/session", string(body), want)
	}
}

// TestChangePassword: with the old one, or in a session that a link began a moment ago; the other sessions end.
func TestChangePassword(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		first := w.ann()
		second := w.client()
		second.password(password, "", "200")
		before := second.cookie
		const next = `"password":"eleven wombats on a shelf"`
		second.ask("PUT", "/api/account/password", `{`+next+`}`, "400 current_password_required")
		second.ask("PUT", "/api/account/password", `{`+next+`,"current_password":"wrong"}`, "403 invalid_credentials")
		second.ask("PUT", "/api/account/password", `{`+next+`,"current_password":"`+password+`"}`, "200")
		if second.cookie == before || second.cookie == "" {
			t.Error("the session kept its secret")
		}
		second.ask("GET", "/api/session", "", "200")
		old := *second
		old.cookie = before
		old.ask("GET", "/api/session", "", "401 session_expired")
		first.ask("GET", "/api/session", "", "401 session_expired")
		w.client().password(password, "", "401 invalid_credentials")
		w.client().password("eleven wombats on a shelf", "", "200")

		// By a link it may be set anew, for a while.
		lost := w.client()
		lost.link(w.owner, "200")
		w.clock.Advance(FreshFor)
		lost.ask("PUT", "/api/account/password", `{"password":"`+password+`"}`, "400 current_password_required")
		lost.link(w.owner, "200")
		lost.ask("PUT", "/api/account/password", `{"password":"`+password+`"}`, "200")
		// A link that was made before the password changed is no way in.
		token, err := w.ids.SignInLink(t.Context(), w.owner)
		if err != nil {
			t.Fatal(err)
		}
		lost.ask("PUT", "/api/account/password", `{"password":"eleven wombats on a shelf"}`, "200")
		w.client().ask("POST", "/api/session", `{"token":"`+token+`"}`, "401 invalid_signin_link")
	})
}

// TestSessionFixation: whatever a browser comes with, signing in gives it a secret of ours, and what it had ends.
func TestSessionFixation(t *testing.T) {
	w := start(t, storetest.Open(t, storetest.SQLite(t), store.Options{}))
	w.ann()
	attacker := w.client()
	attacker.cookie = "ps-" + strings.Repeat("x", 48)
	victim := w.client()
	victim.cookie = attacker.cookie
	victim.password(password, "", "200")
	if victim.cookie == attacker.cookie {
		t.Fatal("the secret that the browser came with is the session's")
	}
	attacker.ask("GET", "/api/session", "", "401 session_expired")
	// Also when what the browser had is a session of the attacker's.
	bob := w.client()
	token, _, err := w.ids.Invite(t.Context(), w.owner, "bob@example.com", actor.Member, nil)
	if err != nil {
		t.Fatal(err)
	}
	bob.ask("POST", "/api/session", `{"token":"`+token+`"}`, "200")
	victim = w.client()
	victim.cookie = bob.cookie
	victim.password(password, "", "200")
	bob.ask("GET", "/api/session", "", "401 session_expired")
	if who := victim.ask("GET", "/api/session", "", "200"); who["email"] != address {
		t.Errorf("%v", who)
	}
}

// TestCrossSite: what a browser sends from another site with the cookie changes nothing, signing in included.
func TestCrossSite(t *testing.T) {
	w := start(t, storetest.Open(t, storetest.SQLite(t), store.Options{}))
	c := w.ann()
	routes := slices.Concat(w.ids.Routes(), w.Routes())
	n := 0
	for _, rt := range routes {
		if rt.Method == http.MethodGet {
			continue
		}
		n++
		path := rt.Path
		for i := strings.IndexByte(path, '{'); i >= 0; i = strings.IndexByte(path, '{') {
			path = path[:i] + "x" + path[strings.IndexByte(path, '}')+1:]
		}
		for name, h := range map[string]http.Header{
			"a form of another site": {"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}, "Content-Type": {"text/plain"}},
			"a sibling domain":       {"Sec-Fetch-Site": {"same-site"}, "Origin": {"https://evil.example.com"}},
			"an old browser":         {"Origin": {"https://evil.example"}},
			"a sandboxed frame":      {"Origin": {"null"}},
		} {
			evil := *c
			evil.header = h
			before := evil.cookie
			evil.ask(rt.Method, path, `{}`, "403 cross_origin_request")
			if evil.cookie != before {
				t.Errorf("%s, %s %s: the cookie changed", name, rt.Method, path)
			}
		}
	}
	if n < 15 {
		t.Errorf("only %d writing routes", n)
	}
	c.ask("GET", "/api/session", "", "200")
	own := *c
	own.header = http.Header{"Sec-Fetch-Site": {"same-origin"}}
	own.ask("DELETE", "/api/account/sessions", "", "200")
}

// TestNotWithAKey: a program that has a key of somebody's cannot change who signs in as them.
func TestNotWithAKey(t *testing.T) {
	w := start(t, storetest.Open(t, storetest.SQLite(t), store.Options{}))
	w.ann()
	secret, _, err := w.ids.CreateKey(t.Context(), w.owner, identity.NewKey{Name: "all"})
	if err != nil {
		t.Fatal(err)
	}
	program := w.client()
	program.header = http.Header{"Authorization": {"Bearer " + secret}}
	n := 0
	for _, rt := range w.Routes() {
		if !strings.HasPrefix(rt.Path, "/api/account") {
			continue
		}
		n++
		body := `{}`
		switch rt.Op {
		case "setPassword":
			body = `{"password":"eleven wombats on a shelf"}`
		case "confirmSecondFactor":
			body = `{"code":"123456"}`
		}
		program.ask(rt.Method, strings.ReplaceAll(rt.Path, "{session_id}", "sess_x"), body, "403 session_required")
	}
	if n < 10 {
		t.Errorf("only %d operations", n)
	}
}

func TestSessions(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		first := w.ann()
		phone := w.client()
		phone.ip, phone.header = "198.51.100.7", http.Header{"User-Agent": {"Phone/1.0"}}
		phone.password(password, "", "200")
		w.clock.Advance(time.Hour)
		phone.ask("GET", "/api/session", "", "200")
		w.clock.Advance(time.Minute)
		list := first.ask("GET", "/api/account/sessions", "", "200")["data"].([]any)
		if len(list) != 2 {
			t.Fatalf("%v", list)
		}
		var theirs map[string]any
		for _, item := range list {
			s := item.(map[string]any)
			if s["current"] == true {
				continue
			}
			theirs = s
		}
		if theirs["ip_address"] != "198.51.100.7" || theirs["user_agent"] != "Phone/1.0" || theirs["method"] != "password" ||
			theirs["last_seen_at"].(float64)-theirs["created_at"].(float64) != 3600 {
			t.Errorf("%v", theirs)
		}
		first.ask("DELETE", "/api/account/sessions/sess_none", "", "404")
		first.ask("DELETE", "/api/account/sessions/"+theirs["id"].(string), "", "200")
		phone.ask("GET", "/api/session", "", "401 session_expired")
		phone.password(password, "", "200")
		third := w.client()
		third.password(password, "", "200")
		first.ask("DELETE", "/api/account/sessions", "", "200")
		phone.ask("GET", "/api/session", "", "401 session_expired")
		third.ask("GET", "/api/session", "", "401 session_expired")
		first.ask("GET", "/api/session", "", "200")

		// Another user's session is none.
		token, _, err := w.ids.Invite(t.Context(), w.owner, "bob@example.com", actor.Owner, nil)
		if err != nil {
			t.Fatal(err)
		}
		bob := w.client()
		bob.ask("POST", "/api/session", `{"token":"`+token+`"}`, "200")
		mine := first.ask("GET", "/api/account/sessions", "", "200")["data"].([]any)[0].(map[string]any)
		bob.ask("DELETE", "/api/account/sessions/"+mine["id"].(string), "", "404")
		first.ask("GET", "/api/session", "", "200")
	})
}

// TestSessionsEnd: after a time without use, and where it is set, after a time in all.
func TestSessionsEnd(t *testing.T) {
	w := start(t, storetest.Open(t, storetest.SQLite(t), store.Options{}))
	w.ann()
	w.ids.Idle, w.ids.Lifetime = 30*time.Minute, 12*time.Hour
	c := w.client()
	c.password(password, "", "200")
	w.clock.Advance(30 * time.Minute)
	c.ask("GET", "/api/session", "", "401 session_expired")
	c.password(password, "", "200")
	for range 35 { // used every 20 minutes, for 11 hours and 40 minutes
		w.clock.Advance(20 * time.Minute)
		c.ask("GET", "/api/session", "", "200")
		if err := w.ids.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	w.clock.Advance(20 * time.Minute)
	c.ask("GET", "/api/session", "", "401 session_expired")
}
