package mail

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/http"
	"net/http/httptest"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/jobs"
	"github.com/parley-ai/parley/internal/secrets"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

const secretText = "Open https://parley.example.com/signin?token=once-only, please."

// lines is a log that a test can read.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start returns a service over the fake; its jobs do not run: tests call attempt.
func start(t *testing.T, db *store.DB, clk clock.Clock, f *fakeSMTP, url string) (*Service, *lines) {
	t.Helper()
	log := &lines{}
	logger := slog.New(slog.NewTextHandler(log, nil))
	j, err := jobs.New(t.Context(), db, jobs.Options{Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	seal, err := secrets.Open(t.Context(), secrets.Options{DB: db, Home: t.TempDir(), Clock: clk, Log: logger})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{DB: db, Clock: clk, Logger: logger, Jobs: j, Seal: seal, URL: url, From: "Parley <parley@example.com>"}
	if f != nil {
		o.Roots = f.roots
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s, log
}

// one sends a mail and returns its row.
func one(t *testing.T, s *Service, m Message) Sent {
	t.Helper()
	if err := s.Send(t.Context(), nil, m); err != nil {
		t.Fatal(err)
	}
	status, err := s.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range status.Recent {
		if row.State == "queued" && row.Attempts == 0 && row.To == m.To {
			return row
		}
	}
	t.Fatalf("the mail is not queued: %+v", status.Recent)
	return Sent{}
}

func state(t *testing.T, s *Service, id string) (out Sent, text string) {
	t.Helper()
	status, err := s.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range status.Recent {
		if m.ID == id {
			out = m
		}
	}
	if err := s.db.Read().QueryRow(t.Context(), `SELECT content FROM mails WHERE id = $1`, id).Scan(&text); err != nil {
		t.Fatal(err)
	}
	return out, text
}

// TestDelivery: the mail arrives over STARTTLS, TLS or, to this machine, without; the password goes over TLS.
func TestDelivery(t *testing.T) {
	for name, c := range map[string]struct {
		fake      *fakeSMTP
		scheme    string
		user      string
		rest      string
		encrypted bool
	}{
		"starttls":             {&fakeSMTP{starttls: true, login: "me:se/cret"}, "smtp", "me:se%2Fcret@", "?starttls=required", true},
		"tls":                  {&fakeSMTP{implicit: true, login: "me:x"}, "smtps", "me:x@", "", true},
		"offered":              {&fakeSMTP{starttls: true}, "smtp", "", "", true},
		"without, own machine": {&fakeSMTP{}, "smtp", "", "", false},
		"never":                {&fakeSMTP{starttls: true}, "smtp", "", "?starttls=never", false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeSMTP(t, c.fake)
			s, _ := start(t, storetest.Open(t, storetest.SQLite(t), store.Options{}), clock.System, f, f.url(c.scheme, c.user, c.rest))
			m := one(t, s, Message{Org: "org-1", To: "you@example.com", Subject: "초대: Überraschung", Text: "Hello <b>you</b>,\n\n" + secretText, Lang: "ko"})
			if _, text := state(t, s, m.ID); text == "" || strings.Contains(text, "once-only") {
				t.Fatalf("the waiting text is %q: it is to be sealed", text)
			}
			if err := s.attempt(t.Context(), sendMail{m.ID}); err != nil {
				t.Fatal(err)
			}
			got := f.got()
			if len(got) != 1 || got[0].tls != c.encrypted || !strings.HasPrefix(got[0].from, "MAIL FROM:<parley@example.com>") || !strings.HasPrefix(got[0].to, "RCPT TO:<you@example.com>") {
				t.Fatalf("%+v", got)
			}
			for _, line := range f.plain {
				if strings.HasPrefix(line, "AUTH") {
					t.Errorf("a password was said without TLS: %s", line)
				}
			}
			if after, text := state(t, s, m.ID); after.State != "sent" || text != "" {
				t.Errorf("%+v %q", after, text)
			}
			checkParts(t, got[0].data, m.ID)
			if err := s.attempt(t.Context(), sendMail{m.ID}); err != nil || len(f.got()) != 1 {
				t.Errorf("a second look sent it again: %v", err)
			}
		})
	}
}

// checkParts reads the mail as a mail program would.
func checkParts(t *testing.T, data, id string) {
	t.Helper()
	msg, err := netmail.ReadMessage(strings.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject"))
	if err != nil || subject != "초대: Überraschung" || msg.Header.Get("Message-Id") != "<"+id+"@example.com>" || msg.Header.Get("Auto-Submitted") != "auto-generated" {
		t.Errorf("%v %v", msg.Header, err)
	}
	_, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(msg.Body, params["boundary"])
	for _, want := range []string{"Hello <b>you</b>,", `<p>Hello &lt;b&gt;you&lt;/b&gt;,</p><p>Open <a href="https://parley.example.com/signin?token=once-only">https://parley.example.com/signin?token=once-only</a>, please.</p>`} {
		part, err := parts.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil || !strings.Contains(string(body), want) {
			t.Errorf("no %q in %s", want, body)
		}
	}
}

// TestDowngrade: a server that has no STARTTLS where it is demanded, and one with a certificate of nobody, get
// neither the password nor the mail.
func TestDowngrade(t *testing.T) {
	f := newFakeSMTP(t, &fakeSMTP{login: "me:x"})
	s, _ := start(t, storetest.Open(t, storetest.SQLite(t), store.Options{}), clock.System, f, f.url("smtp", "me:x@", "?starttls=required"))
	if err := s.Test(t.Context(), actor.Actor{Org: "org-1"}, "you@example.com"); err == nil {
		t.Error("it was sent without TLS")
	}
	tlsFake := newFakeSMTP(t, &fakeSMTP{starttls: true, login: "me:x"})
	s, _ = start(t, storetest.Open(t, storetest.SQLite(t), store.Options{}), clock.System, nil, tlsFake.url("smtp", "me:x@", "?starttls=required"))
	if err := s.Test(t.Context(), actor.Actor{Org: "org-1"}, "you@example.com"); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate of nobody: %v", err)
	}
	for _, fake := range []*fakeSMTP{f, tlsFake} {
		if strings.Contains(strings.Join(fake.said, " "), "AUTH") || len(fake.got()) > 0 {
			t.Errorf("%v %v", fake.said, fake.got())
		}
	}
}

// TestInTransaction: a mail goes with the act that it is about.
func TestInTransaction(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		f := newFakeSMTP(t, &fakeSMTP{})
		s, _ := start(t, db, clock.System, f, f.url("smtp", "", ""))
		if err := s.jobs.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.jobs.Stop(context.Background()) })
		undone := errors.New("undone")
		err := db.Tx(t.Context(), func(tx *store.Tx) error {
			return errors.Join(s.Send(t.Context(), tx, Message{To: "never@example.com", Subject: "x", Text: "x"}), undone)
		})
		if !errors.Is(err, undone) {
			t.Fatal(err)
		}
		if err := db.Tx(t.Context(), func(tx *store.Tx) error {
			return s.Send(t.Context(), tx, Message{To: "you@example.com", Subject: "x", Text: "x"})
		}); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(30 * time.Second); len(f.got()) == 0 && time.Now().Before(deadline); {
			time.Sleep(5 * time.Millisecond)
		}
		if got := f.got(); len(got) != 1 || !strings.Contains(got[0].to, "you@") {
			t.Errorf("%+v", got)
		}
	})
}

// TestAgain: pauses grow, what the server refuses for good is given up at once with its words in the audit
// log, and all else after a day.
func TestAgain(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		f := newFakeSMTP(t, &fakeSMTP{})
		clk := clock.NewFake(time.Date(2024, 1, 4, 0, 0, 0, 0, time.UTC))
		s, log := start(t, db, clk, f, f.url("smtp", "", ""))
		m := one(t, s, Message{Org: "org-1", To: "you@example.com", Subject: "hello", Text: secretText})

		f.answerNext("RCPT", "450 4.2.1 later, please")
		if err := s.attempt(t.Context(), sendMail{m.ID}); err == nil || !strings.Contains(err.Error(), "10s") {
			t.Errorf("the first pause: %v", err)
		}
		if got, text := state(t, s, m.ID); got.State != "queued" || got.Attempts != 1 || !strings.Contains(got.Error, "later, please") || text == "" {
			t.Errorf("%+v", got)
		}
		f.answerNext("RCPT", "550 5.1.1 nobody here")
		if err := s.attempt(t.Context(), sendMail{m.ID}); err != nil {
			t.Error(err)
		}
		if got, text := state(t, s, m.ID); got.State != "failed" || !strings.Contains(got.Error, "nobody here") || text != "" {
			t.Errorf("%+v %q", got, text)
		}
		told, _, err := audit.New(db, clk).List(t.Context(), actor.Actor{Org: "org-1"}, audit.Filter{}, store.Paging{})
		if err != nil || len(told) != 1 || told[0].Type != Failed || !strings.Contains(string(told[0].After), "nobody here") {
			t.Errorf("%+v %v", told, err)
		}

		down := one(t, s, Message{To: "you@example.com", Subject: "hello", Text: secretText})
		before := time.Duration(0)
		for i := range pauses {
			f.answerNext("MAIL", "451 4.3.0 not now")
			err := s.attempt(t.Context(), sendMail{down.ID})
			if err == nil || pauses[i] < before {
				t.Fatalf("attempt %d: %v", i+1, err)
			}
			before = pauses[i]
			clk.Advance(pauses[i])
		}
		f.answerNext("MAIL", "451 4.3.0 not now")
		if err := s.attempt(t.Context(), sendMail{down.ID}); err != nil {
			t.Error(err)
		}
		if got, text := state(t, s, down.ID); got.State != "failed" || got.Attempts != len(pauses)+1 || text != "" {
			t.Errorf("%+v", got)
		}
		if strings.Contains(log.String(), "once-only") {
			t.Errorf("the text of a mail is in the log: %s", log)
		}
	})
}

// TestKilled: a server that died while it sent leaves the mail to another, after its lease; both copies have
// one Message-ID when the first had gone through.
func TestKilled(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		f := newFakeSMTP(t, &fakeSMTP{})
		clk := clock.NewFake(time.Date(2024, 1, 4, 0, 0, 0, 0, time.UTC))
		s, _ := start(t, db, clk, f, f.url("smtp", "", ""))
		m := one(t, s, Message{To: "you@example.com", Subject: "hello", Text: secretText})
		first, _, busy, err := s.claim(t.Context(), m.ID) // and dies
		if err != nil || busy != 0 {
			t.Fatal(err, busy)
		}
		if err := s.wire.deliver(t.Context(), first); err != nil {
			t.Fatal(err)
		}
		if err := s.attempt(t.Context(), sendMail{m.ID}); err == nil || len(f.got()) != 1 {
			t.Fatalf("the mail is another's until its lease ends: %v", err)
		}
		clk.Advance(lease)
		if err := s.attempt(t.Context(), sendMail{m.ID}); err != nil {
			t.Fatal(err)
		}
		got := f.got()
		if len(got) != 2 {
			t.Fatal(got)
		}
		id := func(data string) string {
			msg, err := netmail.ReadMessage(strings.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			return msg.Header.Get("Message-Id")
		}
		if id(got[0].data) != id(got[1].data) {
			t.Error("the copies differ in their Message-ID")
		}
		if after, _ := state(t, s, m.ID); after.State != "sent" {
			t.Errorf("%+v", after)
		}
	})
}

// TestTwoAtOnce: of two that look at a mail at once, one sends it.
func TestTwoAtOnce(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		f := newFakeSMTP(t, &fakeSMTP{})
		s, _ := start(t, db, clock.System, f, f.url("smtp", "", ""))
		m := one(t, s, Message{To: "you@example.com", Subject: "hello", Text: "x"})
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { _ = s.attempt(t.Context(), sendMail{m.ID}) })
		}
		wg.Wait()
		if n := len(f.got()); n != 1 {
			t.Errorf("%d mails", n)
		}
	})
}

// TestNoHeaders: nothing in an address or a subject becomes a header or a second recipient.
func TestNoHeaders(t *testing.T) {
	f := newFakeSMTP(t, &fakeSMTP{})
	s, _ := start(t, storetest.Open(t, storetest.SQLite(t), store.Options{}), clock.System, f, f.url("smtp", "", ""))
	for _, to := range []string{"", "you", "you@example.com\r\nBcc: all@example.com", "a@example.com, b@example.com", "Name <you@example.com>", "you@example.com\x00", "\"a\nb\"@example.com", "you@exam\u2028ple.com"} {
		if err := s.Send(t.Context(), nil, Message{To: to, Subject: "x", Text: "x"}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", to, err)
		}
	}
	m := one(t, s, Message{To: "you@example.com", Subject: "x\r\nBcc: all@example.com\r\n\r\nbody\u2028", Text: "first\r\n.\r\nMAIL FROM:<evil@example.com>\r\n"})
	if err := s.attempt(t.Context(), sendMail{m.ID}); err != nil {
		t.Fatal(err)
	}
	got := f.got()
	if len(got) != 1 {
		t.Fatalf("%d mails", len(got))
	}
	msg, err := netmail.ReadMessage(strings.NewReader(got[0].data))
	if err != nil || msg.Header.Get("Bcc") != "" || !strings.Contains(msg.Header.Get("Subject"), "Bcc: all@example.com") {
		t.Errorf("%v %v", msg.Header, err)
	}
	for _, said := range f.said {
		if strings.Contains(said, "evil") || strings.Contains(said, "all@") {
			t.Errorf("said %q", said)
		}
	}
}

// as lets every request act as one.
type as struct{ who actor.Actor }

func (a as) Authenticate(*http.Request) (actor.Actor, error) { return a.who, nil }

// TestRoutes: the operator sees how mails go and hears the mail server's words, never the password.
func TestRoutes(t *testing.T) {
	f := newFakeSMTP(t, &fakeSMTP{starttls: true, login: "me:right"})
	s, log := start(t, storetest.Open(t, storetest.SQLite(t), store.Options{}), clock.System, f, f.url("smtp", "me:hunter2@", "?starttls=required"))
	ask := func(who actor.Actor, method, path, body string) (int, string) {
		api, err := httpapi.New(httpapi.Options{Routes: s.AdminRoutes(), Auth: as{who}, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		rec := httptest.NewRecorder()
		api.ServeHTTP(rec, r)
		return rec.Code, rec.Body.String()
	}
	operator := actor.Actor{Org: "org-1", User: "user-1", Operator: true, Scopes: []string{actor.All}}
	code, body := ask(operator, "POST", "/admin/mail/test", `{"to":"you@example.com"}`)
	if code != 503 || !strings.Contains(body, "535") || !strings.Contains(body, "mail_not_accepted") {
		t.Errorf("%d %s", code, body)
	}
	code, status := ask(operator, "GET", "/admin/mail", "")
	var out StatusObject
	if err := json.Unmarshal([]byte(status), &out); err != nil || code != 200 || !out.Configured || out.Security != "starttls" || out.Server != f.l.Addr().String() {
		t.Errorf("%d %s", code, status)
	}
	if all := body + status + log.String(); strings.Contains(all, "hunter2") {
		t.Errorf("the password is shown: %s", all)
	}
	if code, body = ask(operator, "POST", "/admin/mail/test", `{"to":"nobody"}`); code != 400 || !strings.Contains(body, `"param":"to"`) {
		t.Errorf("%d %s", code, body)
	}
	if code, _ = ask(actor.Actor{Org: "org-2", User: "user-2", Scopes: []string{actor.All}}, "GET", "/admin/mail", ""); code != 403 {
		t.Errorf("not the operator: %d", code)
	}
}

// TestSettings: what cannot work is refused with what to write, and without the password.
func TestSettings(t *testing.T) {
	for url, want := range map[string]string{
		"http://mail.example.com":                      "write smtp://",
		"smtp://me:hunter2@":                           "write smtp://",
		"smtp://me:hunt/er2@mail.example.com":          "write smtp://",
		"smtp://me:hunter2@mail.example.com?tls=no":    "no option",
		"smtp://mail.example.com?starttls=perhaps":     "required, if_offered or never",
		"smtps://mail.example.com?starttls=never":      "encrypted from its first byte",
		"smtp://me:hunter2@mail.example.com:99999":     "65535",
		"smtps://me:hunter2@mail.example.com/somebody": "write smtp://",
	} {
		_, err := parse(url, "a@example.com")
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", url, err)
		}
	}
	if _, err := parse("smtp://mail.example.com", "a@example.com\nBcc: b@example.com"); err == nil {
		t.Error("a sender with a line break")
	}
	for url, want := range map[string]string{
		"smtp://mail.example.com": "starttls 587", "smtps://mail.example.com": "tls 465", "smtp://localhost": "starttls_if_offered 25", "smtp://[::1]:2525": "starttls_if_offered 2525",
		"smtp://mail.example.com:25?starttls=never": "none 25",
	} {
		s, err := parse(url, "a@example.com")
		if err != nil {
			t.Fatal(err)
		}
		if got := s.security + " " + strings.TrimPrefix(s.address()[strings.LastIndex(s.address(), ":"):], ":"); got != want {
			t.Errorf("%s: %s, want %s", url, got, want)
		}
	}
}
