package mail

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeSMTP is a mail server for tests: it speaks as much SMTP as a client needs and keeps what it is given.
// It delivers nothing.
type fakeSMTP struct {
	t        *testing.T
	l        net.Listener
	cert     tls.Certificate
	roots    *x509.CertPool
	implicit bool   // TLS from the first byte
	starttls bool   // offered
	login    string // "user:password" that AUTH PLAIN must bring; empty: none is offered

	mu      sync.Mutex
	answers map[string]string // by command ("RCPT", "DATA"…): what is answered instead of the usual, once
	mails   []received
	said    []string // commands as they came
	plain   []string // of those, the ones before TLS
}

// received is a mail that the fake took.
type received struct {
	from, to, data string
	tls            bool
}

func newFakeSMTP(t *testing.T, f *fakeSMTP) *fakeSMTP {
	t.Helper()
	f.t = t
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "fake"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	f.cert = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	f.roots = x509.NewCertPool()
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	f.roots.AddCert(parsed)
	if f.l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	if f.implicit {
		f.l = tls.NewListener(f.l, &tls.Config{Certificates: []tls.Certificate{f.cert}, MinVersion: tls.VersionTLS12})
	}
	t.Cleanup(func() { f.l.Close() })
	go func() {
		for {
			conn, err := f.l.Accept()
			if err != nil {
				return
			}
			go f.serve(conn)
		}
	}()
	return f
}

// url is the fake's address as mail.url has it; rest is its query.
func (f *fakeSMTP) url(scheme, user, rest string) string {
	return scheme + "://" + user + f.l.Addr().String() + rest
}

// answerNext has the fake answer a command with something else, once.
func (f *fakeSMTP) answerNext(command, answer string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.answers == nil {
		f.answers = map[string]string{}
	}
	f.answers[command] = answer
}

func (f *fakeSMTP) got() []received {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]received{}, f.mails...)
}

func (f *fakeSMTP) serve(conn net.Conn) {
	defer func() { conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	in, mail, secure := bufio.NewReader(conn), received{tls: f.implicit}, f.implicit
	say := func(line string) { fmt.Fprintf(conn, "%s\r\n", line) }
	say("220 fake ESMTP of a test")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		word, _, _ := strings.Cut(strings.ToUpper(line), " ")
		f.mu.Lock()
		f.said = append(f.said, line)
		if !secure {
			f.plain = append(f.plain, line)
		}
		answer := f.answers[word]
		delete(f.answers, word)
		f.mu.Unlock()
		if answer == "hang up" {
			return
		}
		if answer != "" {
			say(answer)
			continue
		}
		switch word {
		case "EHLO":
			say("250-fake")
			if f.starttls && !secure {
				say("250-STARTTLS")
			}
			if f.login != "" {
				say("250-AUTH PLAIN")
			}
			say("250 8BITMIME")
		case "STARTTLS":
			say("220 go ahead")
			secured := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{f.cert}, MinVersion: tls.VersionTLS12})
			if secured.Handshake() != nil {
				return
			}
			conn, in, secure, mail.tls = secured, bufio.NewReader(secured), true, true
		case "AUTH":
			user, password, _ := strings.Cut(f.login, ":")
			if !strings.HasSuffix(line, base64.StdEncoding.EncodeToString([]byte("\x00"+user+"\x00"+password))) {
				say("535 5.7.8 wrong")
				continue
			}
			say("235 welcome")
		case "MAIL":
			mail.from = line
			say("250 ok")
		case "RCPT":
			mail.to = line
			say("250 ok")
		case "DATA":
			say("354 go on")
			var b strings.Builder
			for {
				l, err := in.ReadString('\n')
				if err != nil {
					return
				}
				if l == ".\r\n" {
					break
				}
				b.WriteString(l)
			}
			f.mu.Lock()
			end := f.answers["."]
			delete(f.answers, ".")
			if end == "" || end == "hang up" {
				mail.data = b.String()
				f.mails = append(f.mails, mail)
			}
			f.mu.Unlock()
			if end == "hang up" { // taken, but the client does not hear it
				return
			}
			if end == "" {
				end = "250 queued"
			}
			say(end)
		case "NOOP", "RSET":
			say("250 ok")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("502 what?")
		}
	}
}
