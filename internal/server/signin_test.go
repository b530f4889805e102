package server_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/parley-ai/parley/internal/testkit"
)

// logBuffer keeps what is logged.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// answer sends a request and decodes the answer, which has to have the status.
func answer[T any](t *testing.T, s *testkit.Server, c *http.Client, method, path, body string, status int) (out T) {
	t.Helper()
	resp, text := s.Do(c, method, path, body)
	if resp.StatusCode != status {
		t.Fatalf("%s %s: %s %s", method, path, resp.Status, text)
	}
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%s %s: %s", method, path, text)
	}
	return out
}

// TestSecretsStayOutOfLogs: with everything logged that can be, none of what signs somebody in is among it, nor in the audit log.
func TestSecretsStayOutOfLogs(t *testing.T) {
	log := &logBuffer{}
	s := testkit.Start(t, testkit.Options{Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	c := s.Browser()
	const password, wrong = "seven otters in a drawer", "eight wombats on a shelf"
	answer[any](t, s, c, http.MethodPost, "/api/account", `{"email":"ann@example.com"}`, 200)
	answer[any](t, s, c, http.MethodPut, "/api/account/password", `{"password":"`+password+`"}`, 200)
	enrolment := answer[struct{ Secret, URI string }](t, s, c, http.MethodPost, "/api/account/second-factor", `{}`, 200)
	seed := strings.ReplaceAll(enrolment.Secret, "-", "")
	code, err := totp.GenerateCode(seed, s.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	codes := answer[struct{ Codes []string }](t, s, c, http.MethodPost, "/api/account/second-factor/confirm", `{"code":"`+code+`"}`, 200).Codes
	secrets := append([]string{password, wrong, enrolment.Secret, seed, s.Key}, codes...)
	for _, cookie := range c.Jar.Cookies(must[*url.URL](t)(url.Parse(s.URL()))) {
		secrets = append(secrets, cookie.Value)
	}
	other := &http.Client{}
	for _, body := range []string{
		`{"email":"ann@example.com","password":"` + wrong + `"}`,
		`{"email":"` + wrong + `","password":"ann@example.com"}`, // in the wrong fields
		`{"email":"ann@example.com","password":"` + password + `"}`,
		`{"email":"ann@example.com","password":"` + password + `","code":"` + codes[9] + `x"}`,
		`{"token":"` + wrong + `"}`,
	} {
		answer[any](t, s, other, http.MethodPost, "/api/session", body, 401)
	}
	signed := answer[any](t, s, other, http.MethodPost, "/api/session", `{"email":"ann@example.com","password":"`+password+`","code":"`+codes[0]+`"}`, 200)
	if signed == nil {
		t.Fatal("nobody is signed in")
	}
	_, audit := s.Call(http.MethodGet, "/api/audit/export", nil)
	all := log.String()
	if !strings.Contains(all, "createSession") || !strings.Contains(audit, "login.failed") {
		t.Fatalf("nothing was logged: %s %s", all, audit)
	}
	for _, secret := range secrets {
		if strings.Contains(all, secret) {
			t.Errorf("the log has %q", secret)
		}
		if strings.Contains(audit, secret) {
			t.Errorf("the audit log has %q", secret)
		}
	}
}

// TestProxies: X-Forwarded-For counts from a trusted proxy alone, for the audit log and for the delays after wrong passwords.
func TestProxies(t *testing.T) {
	for _, tt := range []struct {
		trusted, want string
		last          int // status of the seventh wrong password, each from another claimed address
	}{{"", "127.0.0.1", 429}, {"127.0.0.0/8", "203.0.113.0", 401}, {"10.0.0.0/8", "127.0.0.1", 429}} {
		s := testkit.Start(t, testkit.Options{Config: map[string]any{"trusted_proxies": tt.trusted}})
		for i := range 7 {
			resp, text := s.CallWith(map[string]string{"X-Forwarded-For": "192.0.2.99, 203.0.113." + string(rune('0'+i))}, http.MethodPost, "/api/session", `{"email":"ann@example.com","password":"guess"}`)
			want := 401
			if i == 6 {
				want = tt.last
			}
			if resp.StatusCode != want {
				t.Errorf("trusted %q, try %d: %s %s", tt.trusted, i, resp.Status, text)
			}
		}
		_, lines := s.Call(http.MethodGet, "/api/audit/export", nil)
		if !strings.Contains(lines, `"ip_address":"`+tt.want+`"`) || strings.Contains(lines, `"ip_address":"192.0.2.99"`) {
			t.Errorf("trusted %q: %s", tt.trusted, lines)
		}
	}
}

// TestSessionSettings: how long browsers stay signed in is the operator's to say.
func TestSessionSettings(t *testing.T) {
	s := testkit.Start(t, testkit.Options{Config: map[string]any{"sessions.idle": "30m", "sessions.lifetime": "12h"}})
	c := s.Browser()
	resp, _ := s.Do(c, http.MethodGet, "/api/session", nil)
	if cookie := resp.Cookies()[0]; cookie.MaxAge != 30*60 {
		t.Errorf("%+v", cookie)
	}
	s.Clock.Advance(30 * time.Minute)
	if resp, text := s.Do(c, http.MethodGet, "/api/session", nil); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("%s %s", resp.Status, text)
	}
}
