package mail

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	netmail "net/mail"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/jobs"
	"github.com/parley-ai/parley/internal/store"
)

// Bounds.
const (
	maxAddress = 254      // bytes (RFC 5321)
	maxSubject = 200      // characters
	maxText    = 64 << 10 // bytes
	maxError   = 500      // characters of what a mail server said
	attemptFor = time.Minute
	// lease is how long one who sends is left alone: longer than an attempt may take.
	lease   = 2 * attemptFor
	keepFor = 30 * 24 * time.Hour
	recent  = 100 // mails that Status shows
)

// pauses are those after each failed attempt; after the last one the mail is given up: about a day.
var pauses = []time.Duration{
	10 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour,
	3 * time.Hour, 4 * time.Hour, 4 * time.Hour, 6 * time.Hour, 6 * time.Hour,
}

// Failed is the type of the audit line of a mail that was given up.
const Failed = "mail.failed"

// Message is a mail to one person.
type Message struct {
	Org     string // id of the organization that it is about; empty: the installation's
	To      string // one address, "name@host"
	Subject string
	Text    string // plain; addresses (https://…) become links in the HTML form
	Lang    string // of the text, "en" or "ko"; empty is English
}

// Sealer keeps texts out of plain sight in the database.
type Sealer interface {
	Seal(purpose string, plain []byte) string
	Open(purpose, sealed string) ([]byte, error)
}

// Options of New. DB, Clock, Jobs and Seal are required; without URL nothing can be sent.
type Options struct {
	DB     *store.DB
	Clock  clock.Clock
	Logger *slog.Logger
	Jobs   *jobs.Jobs
	Seal   Sealer
	URL    string         // smtp://USER:PASSWORD@HOST:PORT or smtps://…
	From   string         // "Parley <parley@example.com>"
	Roots  *x509.CertPool // certificate authorities of mail servers; nil: the system's
}

// Service sends mails. Make it with New before the jobs start.
type Service struct {
	db     *store.DB
	clock  clock.Clock
	log    *slog.Logger
	jobs   *jobs.Jobs
	seal   Sealer
	audit  *audit.Log
	server *server // nil: not configured
	wire   transport
}

// transport hands a mail to a mail server; the reason is in its error.
type transport interface {
	deliver(ctx context.Context, m envelope) error
}

// New returns the service and registers its job.
func New(o Options) (*Service, error) {
	s := &Service{db: o.DB, clock: o.Clock, log: o.Logger, jobs: o.Jobs, seal: o.Seal, audit: audit.New(o.DB, o.Clock)}
	if s.log == nil {
		s.log = slog.Default()
	}
	if o.URL != "" {
		server, err := parse(o.URL, o.From)
		if err != nil {
			return nil, err
		}
		server.roots = o.Roots
		s.server, s.wire = server, server
	}
	s.register()
	return s, nil
}

// Configured reports whether mails can be sent.
func (s *Service) Configured() bool { return s != nil && s.server != nil }

// Send writes a mail that goes out after the transaction; with tx nil in one of its own.
func (s *Service) Send(ctx context.Context, tx *store.Tx, m Message) (err error) {
	defer fault.Wrap(&err, "mail.Send")
	if !s.Configured() {
		return notConfigured()
	}
	if m, err = m.check(); err != nil {
		return err
	}
	if tx == nil {
		return s.db.Tx(ctx, func(tx *store.Tx) error { return s.enqueue(ctx, tx, m) })
	}
	return s.enqueue(ctx, tx, m)
}

func (s *Service) enqueue(ctx context.Context, tx *store.Tx, m Message) error {
	id := ids.New("mail_")
	if err := s.insert(ctx, tx, id, m); err != nil {
		return err
	}
	return s.jobs.Enqueue(ctx, tx, sendMail{id})
}

func notConfigured() error {
	return fault.New(fault.Invalid, "There is no mail server: set mail.url and mail.from in the configuration.").WithCode("mail_not_configured")
}

// check returns the message as it may be sent.
func (m Message) check() (Message, error) {
	address, err := netmail.ParseAddress(m.To)
	if err != nil || address.Address != m.To || len(m.To) > maxAddress || strings.ContainsFunc(m.To, control) {
		return m, fault.Param("to", "Invalid 'to': that is no e-mail address.").WithCode("invalid_value")
	}
	m.Subject = strings.TrimSpace(strings.Map(func(r rune) rune {
		if control(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(m.Subject, "?")))
	if r := []rune(m.Subject); len(r) > maxSubject {
		m.Subject = string(r[:maxSubject])
	}
	m.Text = strings.ToValidUTF8(strings.ReplaceAll(m.Text, "\x00", ""), "?")
	if m.Subject == "" || m.Text == "" || len(m.Text) > maxText {
		return m, errors.New("mail: a mail has a subject, and a text of at most 64 KiB")
	}
	if m.Lang == "" {
		m.Lang = "en"
	}
	return m, nil
}

// control reports whether a character could end a line of a header.
func control(r rune) bool { return r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 }

// Test hands a mail to the mail server now, so that its words are seen; it is not queued.
func (s *Service) Test(ctx context.Context, who actor.Actor, to string) (err error) {
	defer fault.Wrap(&err, "mail.Test")
	if !s.Configured() {
		return notConfigured()
	}
	m, err := Message{To: to, Subject: "Parley: test mail", Text: "This is a test mail of your Parley server. When you can read it, mails arrive."}.check()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, attemptFor/2)
	defer cancel()
	err = s.wire.deliver(ctx, envelope{ID: ids.New("mail_"), At: s.clock.Now(), Message: m})
	result := map[string]any{"to": to, "accepted": err == nil}
	if aerr := s.db.Tx(ctx, func(tx *store.Tx) error {
		return s.audit.Record(ctx, tx, who, audit.Event{Type: "mail.tested", After: result})
	}); aerr != nil && err == nil {
		return aerr
	}
	if err != nil {
		return fault.New(fault.Unavailable, "The mail server did not take the mail: %s", s.server.clean(err)).WithCode("mail_not_accepted").WithCause(err)
	}
	return nil
}

// Sent is a mail without its text.
type Sent struct {
	ID       string
	Org      string
	To       string
	Subject  string
	State    string // queued, sent, failed
	Attempts int
	Error    string // of the last attempt
	Created  time.Time
	Updated  time.Time
}

// Status is what the operator sees.
type Status struct {
	Configured bool
	Server     string // host:port
	Security   string // tls, starttls, starttls_if_offered, none
	From       string
	Queued     int
	Sent       int // in the last 30 days
	Failed     int
	Recent     []Sent // the newest first
}

// Status tells how mails go.
func (s *Service) Status(ctx context.Context) (out Status, err error) {
	defer fault.Wrap(&err, "mail.Status")
	if s.Configured() {
		out.Configured, out.Server, out.Security, out.From = true, s.server.address(), s.server.security, s.server.from.String()
	}
	return s.status(ctx, out)
}
