//go:build unix

package resilience

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// slowMail is a mail server for tests: it speaks as much SMTP as a client needs, lets who sends wait after the recipient until it is
// released, and notes who got a mail. It delivers nothing.
type slowMail struct {
	listener net.Listener
	release  chan struct{}
	held     atomic.Int64 // who waited, or waits
	broken   atomic.Int64 // whose sender was gone before the mail was there

	mu sync.Mutex
	to map[string]bool
}

func slowMailServer(t *testing.T) *slowMail {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	s := &slowMail{listener: l, release: make(chan struct{}), to: map[string]bool{}}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(conn)
		}
	}()
	return s
}

// taken is how many recipients got a mail.
func (s *slowMail) taken() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.to)
}

func (s *slowMail) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	fmt.Fprint(conn, "220 a test\r\n")
	to, text := "", false
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			if to != "" {
				s.broken.Add(1)
			}
			return
		}
		line = strings.TrimRight(line, "\r\n")
		word, rest, _ := strings.Cut(line, " ")
		switch {
		case text && line == ".":
			s.mu.Lock()
			s.to[to] = true
			s.mu.Unlock()
			to, text = "", false
			fmt.Fprint(conn, "250 taken\r\n")
		case text:
		case word == "RCPT":
			to = rest
			s.held.Add(1)
			<-s.release
			fmt.Fprint(conn, "250 ok\r\n")
		case word == "DATA":
			text = true
			fmt.Fprint(conn, "354 go on\r\n")
		case word == "QUIT":
			fmt.Fprint(conn, "221 bye\r\n")
			return
		default: // EHLO, MAIL, NOOP, RSET
			fmt.Fprint(conn, "250 ok\r\n")
		}
	}
}
