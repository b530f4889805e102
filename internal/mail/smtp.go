package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/url"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/parley-ai/parley/internal/egress"
)

// errRefused says that the mail server does not take a mail, now or later.
var errRefused = errors.New("refused")

// envelope is a mail on its way.
type envelope struct {
	Message
	ID string
	At time.Time
}

// server is the mail server of the settings.
type server struct {
	host     string
	port     int
	user     string
	password string
	security string // tls, starttls, starttls_if_offered, none
	from     netmail.Address
	roots    *x509.CertPool
}

// parse reads mail.url and mail.from.
func parse(raw, from string) (*server, error) {
	u, err := url.Parse(raw)
	if err != nil || (u.Scheme != "smtp" && u.Scheme != "smtps") || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" {
		return nil, errors.New("mail.url: write smtp://USER:PASSWORD@HOST:PORT or smtps://USER:PASSWORD@HOST:PORT, with the characters @ : / % of a password as %40 %3A %2F %25")
	}
	s := &server{host: u.Hostname(), user: u.User.Username()}
	s.password, _ = u.User.Password()
	for key := range u.Query() {
		if key != "starttls" {
			return nil, fmt.Errorf("mail.url: %q is no option; there is starttls=required, if_offered or never", key)
		}
	}
	ip := net.ParseIP(s.host)
	local := s.host == "localhost" || ip != nil && ip.IsLoopback()
	switch option := u.Query().Get("starttls"); {
	case u.Scheme == "smtps" && option != "":
		return nil, errors.New("mail.url: starttls is for smtp://; smtps:// is encrypted from its first byte")
	case u.Scheme == "smtps":
		s.security, s.port = "tls", 465
	case option == "required" || option == "" && !local:
		s.security, s.port = "starttls", 587
	case option == "if_offered" || option == "":
		s.security, s.port = "starttls_if_offered", 25
	case option == "never":
		s.security, s.port = "none", 25
	default:
		return nil, errors.New("mail.url: starttls is required, if_offered or never")
	}
	if p := u.Port(); p != "" {
		if s.port, err = strconv.Atoi(p); err != nil || s.port < 1 || s.port > 65535 {
			return nil, errors.New("mail.url: the port is a number from 1 to 65535")
		}
	}
	address, err := netmail.ParseAddress(from)
	if err != nil || strings.ContainsFunc(from, control) {
		return nil, fmt.Errorf("mail.from: %q is no address: write parley@example.com or Parley <parley@example.com>", from)
	}
	s.from = *address
	return s, nil
}

func (s *server) address() string { return net.JoinHostPort(s.host, strconv.Itoa(s.port)) }

// deliver hands a mail to the server. errRefused is in the chain when trying again is of no use.
func (s *server) deliver(ctx context.Context, m envelope) error {
	msg, err := s.compose(m)
	if err != nil {
		return err
	}
	client, err := s.client()
	if err != nil {
		return err
	}
	err = client.DialAndSendWithContext(ctx, msg)
	var refusal *gomail.SendError
	if errors.As(err, &refusal) && !refusal.IsTemp() && refusal.ErrorCode() >= 500 {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	return err
}

func (s *server) client() (*gomail.Client, error) {
	options := []gomail.Option{
		gomail.WithPort(s.port), gomail.WithTimeout(attemptFor / 2),
		gomail.WithDialContextFunc(s.dial),
		gomail.WithTLSConfig(s.tls()),
	}
	switch s.security {
	case "tls", "none": // encrypted by dial, or not at all
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	case "starttls":
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case "starttls_if_offered":
		options = append(options, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	}
	if s.user != "" {
		// The library speaks PLAIN and LOGIN over TLS or to this machine only.
		options = append(options, gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthSCRAMSHA1, gomail.SMTPAuthPlain,
			gomail.SMTPAuthLogin, gomail.SMTPAuthCramMD5), gomail.WithUsername(s.user), gomail.WithPassword(s.password))
	}
	return gomail.NewClient(s.host, options...)
}

// dial opens the connection through egress; go-mail leaves TLS from the first byte to it.
func (s *server) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := egress.Dialer(egress.Operator)
	if s.security == "tls" {
		return (&tls.Dialer{NetDialer: dialer, Config: s.tls()}).DialContext(ctx, network, address)
	}
	return dialer.DialContext(ctx, network, address)
}

func (s *server) tls() *tls.Config {
	return &tls.Config{ServerName: s.host, RootCAs: s.roots, MinVersion: tls.VersionTLS12}
}

// compose writes the mail: plain text, and the same as simple HTML.
func (s *server) compose(m envelope) (*gomail.Msg, error) {
	msg := gomail.NewMsg()
	from := s.from
	msg.FromMailAddress(&from)
	if err := msg.To(m.To); err != nil {
		return nil, fmt.Errorf("%w: %w", errRefused, err)
	}
	_, domain, _ := strings.Cut(s.from.Address, "@")
	msg.Subject(m.Subject)
	msg.SetDateWithValue(m.At)
	msg.SetMessageIDWithValue(m.ID + "@" + domain)
	msg.SetUserAgent("Parley")
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader(gomail.HeaderContentLang, m.Lang)
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, page(m.Message))
	return msg, nil
}

// clean is an error's text for people: without the password, in one line, not too long.
func (s *server) clean(err error) string {
	text, _, _ := strings.Cut(err.Error(), ", affected recipient") // which the row tells anyway
	if s.password != "" {
		text = strings.ReplaceAll(text, s.password, "********")
	}
	r := []rune(strings.Map(func(r rune) rune {
		if control(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?")))
	return string(r[:min(len(r), maxError)])
}
