package server_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/testkit"
)

// request writes a request of HTTP/1.1 with these header lines.
func request(s *testkit.Server, path, body string, header ...string) string {
	lines := append([]string{"POST " + path + " HTTP/1.1", "Host: x", "Authorization: Bearer " + s.Key, "Content-Type: application/json"}, header...)
	return strings.Join(lines, "\r\n") + "\r\n\r\n" + body
}

func length(n int) string { return fmt.Sprintf("Content-Length: %d", n) }

// hostile are connections as no client of ours makes them. Each gets what the server still sends within
// some seconds, by which its test is done.
func hostile(s *testkit.Server) map[string]func(net.Conn) (wants []int) {
	body := `{"model":"gpt-4","max_tokens":2,` + hello + `}`
	const path = "/v1/chat/completions"
	send := func(text string, wants ...int) func(net.Conn) []int {
		return func(c net.Conn) []int {
			_, _ = io.WriteString(c, text) // the server may hang up in the middle
			return wants
		}
	}
	hangUp := func(text string) func(net.Conn) []int {
		return func(c net.Conn) []int {
			_, _ = io.WriteString(c, text)
			c.Close()
			return nil
		}
	}
	one := request(s, path, body, length(len(body)))
	return map[string]func(net.Conn) []int{
		"an upload that is broken off":  hangUp(request(s, path, body[:20], length(30<<20))),
		"headers that are broken off":   hangUp("POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-"),
		"nothing":                       hangUp(""),
		"an answer that nobody reads":   hangUp(request(s, path, `{"model":"gpt-4","stream":true,`+hello+`}`, length(len(body)-2))),
		"a body that stops":             send(request(s, path, body[:20], length(len(body))), http.StatusBadRequest),
		"headers that stop":             send("POST " + path + " HTTP/1.1\r\nHost: x\r\n"),
		"a body larger than is taken":   send(request(s, path, body, length(33<<20)), http.StatusRequestEntityTooLarge),
		"a flood of headers":            send(request(s, path, body, strings.Repeat("X-A: b\r\n", 20_000)+length(len(body))), http.StatusRequestHeaderFieldsTooLarge),
		"a header without end":          send("POST "+path+" HTTP/1.1\r\nX: "+strings.Repeat("a", 200_000), http.StatusRequestHeaderFieldsTooLarge),
		"a path without end":            send("GET /"+strings.Repeat("a", 200_000), http.StatusRequestHeaderFieldsTooLarge),
		"two lengths":                   send(request(s, path, body, length(len(body)), length(5)), http.StatusBadRequest),
		"a length and chunks":           send(request(s, path, "0\r\n\r\n"+one, length(5), "Transfer-Encoding: chunked", "Connection: close"), http.StatusBadRequest),
		"chunks that are none":          send(request(s, path, "zz\r\n"+body, "Transfer-Encoding: chunked"), http.StatusBadRequest),
		"a chunk larger than memory":    send(request(s, path, "7fffffffffffffff\r\n"+body, "Transfer-Encoding: chunked"), http.StatusBadRequest),
		"an encoding that nobody knows": send(request(s, path, body, "Transfer-Encoding: zip"), http.StatusNotImplemented),
		"a negative length":             send(request(s, path, body, length(-5)), http.StatusBadRequest),
		"an expectation":                send(request(s, path, body, length(len(body)), "Expect: 200-ok"), http.StatusExpectationFailed),
		"another protocol":              send("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"+strings.Repeat("\x00", 600)+"\r\n\r\n", http.StatusBadRequest),
		"HTTP/2 at once":                send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", http.StatusNotFound),
		"a method without end":          send(strings.Repeat("A", 5_000)+" / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", http.StatusNotFound),
		"ten at once":                   send(strings.Repeat(one, 10), slices.Repeat([]int{http.StatusOK}, 10)...),
		"good, bad and good at once":    send(one+request(s, path, `{"model":`, length(9))+request(s, "/v1/nothing", "", length(0))+one, 200, 400, 404, 200),
		"the second is broken off":      send(one+request(s, path, body[:5], length(len(body))), 200, http.StatusBadRequest),
		"a body byte by byte": func(c net.Conn) []int {
			_, _ = io.WriteString(c, request(s, path, "", length(len(body))))
			for i := range len(body) {
				_, _ = io.WriteString(c, body[i:i+1])
			}
			return []int{http.StatusOK}
		},
		"noise": func(c net.Conn) []int {
			r := rand.New(rand.NewPCG(7, 7))
			noise := make([]byte, 100_000)
			for i := range noise {
				noise[i] = byte(r.Uint32())
			}
			_, _ = c.Write(append(noise, "\r\n\r\n"...))
			return []int{http.StatusBadRequest}
		},
	}
}

// TestHostileConnections makes each of them many times, all at once: every one ends, what is answered has
// the right status, and nothing stays, neither in memory nor in the engine.
func TestHostileConnections(t *testing.T) {
	s := testkit.Start(t, testkit.Options{
		Log:    slog.New(slog.DiscardHandler),
		Config: map[string]any{"limits.header_timeout": "3s", "limits.body_timeout": "3s", "limits.write_timeout": "5s"},
	})
	s.Call(http.MethodPost, "/v1/chat/completions", `{"model":"gpt-4",`+hello+`}`)
	all := hostile(s)
	round := func(times int) {
		var wg sync.WaitGroup
		for name, act := range all {
			for range times {
				wg.Go(func() {
					c, err := net.Dial("tcp", s.Addr())
					if err != nil {
						t.Errorf("%s: %v", name, err)
						return
					}
					defer c.Close()
					if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
						t.Error(err)
					}
					wants := act(c)
					in := bufio.NewReader(c)
					for i, want := range wants {
						resp, err := http.ReadResponse(in, nil)
						if err != nil {
							if slices.ContainsFunc(wants, func(status int) bool { return status != http.StatusOK }) && !isTimeout(err) {
								return // a connection may be reset before what was said on it is read
							}
							t.Errorf("%s: answer %d: %v", name, i, err)
							return
						}
						answer, err := io.ReadAll(resp.Body)
						resp.Body.Close()
						if resp.StatusCode != want || err != nil && want == http.StatusOK {
							t.Errorf("%s: answer %d is %s, not %d: %.300s (%v)", name, i, resp.Status, want, answer, err)
							return
						}
					}
				})
			}
		}
		wg.Wait()
		eventually(t, "requests go on without their clients", func() bool { return s.Active() == 0 })
	}
	const times = 10
	round(times) // Go keeps what it needed for so many goroutines
	before := measure(t)
	round(times)
	round(times)
	eventually(t, "goroutines are left", func() bool { return measure(t).goroutines <= before.goroutines })
	after := measure(t)
	t.Logf("%d connections; heap %+d KB, resident %+d KB", 2*times*len(all), (after.heap-before.heap)>>10, (after.resident-before.resident)>>10)
	if grown := after.heap - before.heap; grown > 1<<20 { // 2 KB a connection
		t.Errorf("the heap grew by %d bytes", grown)
	}
	if resp, text := s.Call(http.MethodPost, "/v1/chat/completions", `{"model":"gpt-4",`+hello+`}`); resp.StatusCode != http.StatusOK {
		t.Errorf("the server does not serve any more: %s %s", resp.Status, text)
	}
}

func isTimeout(err error) bool {
	e, ok := err.(net.Error)
	return ok && e.Timeout()
}
