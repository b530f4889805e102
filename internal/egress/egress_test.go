package egress_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/egress"
	"github.com/parley-ai/parley/internal/fault"
)

func TestPublic(t *testing.T) {
	for addr, want := range map[string]bool{
		"8.8.8.8": true, "1.1.1.1": true, "93.184.216.34": true, "2606:4700:4700::1111": true, "100.63.255.255": true, "172.32.0.1": true, "::ffff:8.8.8.8": true,
		"127.0.0.1": false, "127.255.0.9": false, "10.0.0.1": false, "172.16.0.1": false, "172.31.255.255": false, "192.168.1.1": false,
		"169.254.169.254": false, "0.0.0.0": false, "0.1.2.3": false, "100.64.0.1": false, "100.127.255.255": false, "224.0.0.1": false, "239.1.1.1": false,
		"255.255.255.255": false, "240.0.0.1": false, "198.18.0.1": false, "192.0.0.170": false, "192.0.2.1": false, "203.0.113.9": false,
		"::1": false, "::": false, "::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "::127.0.0.1": false, "64:ff9b::7f00:1": false, "64:ff9b::808:808": false,
		"2002:7f00:1::": false, "2001:0:1::1": false, "fe80::1": false, "fe80::1%eth0": false, "fc00::1": false, "fd12::1": false, "ff02::1": false, "fec0::1": false, "2001:db8::1": false, "100::1": false,
	} {
		if got := egress.Public(netip.MustParseAddr(addr)); got != want {
			t.Errorf("Public(%s) = %v", addr, got)
		}
	}
	if egress.Public(netip.Addr{}) {
		t.Error("the zero address is public")
	}
}

// server counts the requests that reach it.
func server(t *testing.T, h http.HandlerFunc) (*url.URL, *atomic.Int64) {
	t.Helper()
	var n atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		h(w, r)
	}))
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u, &n
}

func TestUserIsKeptFromLoopback(t *testing.T) {
	u, n := server(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "secret") })
	port := u.Port()
	for _, host := range []string{
		"127.0.0.1", "127.1", "127.0.1", "0x7f.1", "0x7f000001", "2130706433", "017700000001", "0177.0.0.1", "localhost", "LOCALHOST", "localhost.", "127.0.0.1.",
		"[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:7f00:0001]", "0", "0.0.0.0", "[::]", "①②⑦.⓪.⓪.①",
	} {
		resp, err := egress.Client(egress.User).Get("http://" + host + ":" + port + "/")
		if err == nil {
			_ = resp.Body.Close()
			t.Errorf("%s was reached", host)
		}
	}
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]"} {
		_, err := egress.Client(egress.User).Get("http://" + host + ":" + port + "/")
		if e := fault.As(err); e == nil || e.Kind != fault.Invalid || strings.Contains(e.Message, "127") {
			t.Errorf("%s: %v, want Invalid and no address in the message", host, err)
		}
	}
	if n.Load() != 0 {
		t.Errorf("%d requests arrived", n.Load())
	}
	for _, raw := range []string{"file:///etc/passwd", "gopher://127.0.0.1:" + port, "ftp://127.0.0.1/", "http://"} {
		if resp, err := egress.Client(egress.User).Get(raw); err == nil {
			_ = resp.Body.Close()
			t.Errorf("%s was taken", raw)
		}
	}
}

func TestOperatorReachesLoopback(t *testing.T) {
	u, _ := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "" {
			t.Error("asks for compression")
		}
		_, _ = io.WriteString(w, "hello")
	})
	resp, err := egress.Client(egress.Operator).Get(u.String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if b, err := egress.ReadLimited(resp.Body, 5); err != nil || string(b) != "hello" {
		t.Errorf("%q, %v", b, err)
	}
}

// rebind is a client of the user's kind whose first hop is allowed to be the test's own server: it dials
// that host itself, and all else as the real client does.
func rebind(first string) *http.Client {
	real := egress.Transport(egress.User)
	dial := real.DialContext
	real.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if strings.HasPrefix(addr, "public.example:") {
			return (&net.Dialer{}).DialContext(ctx, network, first)
		}
		return dial(ctx, network, addr)
	}
	return &http.Client{Transport: real, CheckRedirect: egress.Client(egress.User).CheckRedirect}
}

func TestRedirects(t *testing.T) {
	inner, reached := server(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "secret") })
	var hops atomic.Int64
	outer, _ := server(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/in":
			http.Redirect(w, r, inner.String(), http.StatusFound)
		case "/file":
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(http.StatusFound)
		case "/loop":
			hops.Add(1)
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/once":
			http.Redirect(w, r, "/end", http.StatusFound)
		default:
			_, _ = io.WriteString(w, "end")
		}
	})
	c := rebind(outer.Host)
	for _, path := range []string{"/in", "/file", "/loop"} {
		resp, err := c.Get("http://public.example" + path)
		if err == nil {
			_ = resp.Body.Close()
		}
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", path, err)
		}
	}
	if reached.Load() != 0 {
		t.Error("a redirect led to loopback")
	}
	if hops.Load() != 6 {
		t.Errorf("%d requests in the loop, want the first and five redirects", hops.Load())
	}
	resp, err := c.Get("http://public.example/once")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if b, _ := io.ReadAll(resp.Body); string(b) != "end" {
		t.Errorf("got %q", b)
	}
}

// A proxy of the environment would dial in our place and see no check.
func TestUserIgnoresProxies(t *testing.T) {
	if egress.Transport(egress.User).Proxy != nil {
		t.Error("the user's transport has a proxy")
	}
	if egress.Transport(egress.Operator).Proxy == nil {
		t.Error("the operator's transport ignores the environment")
	}
}

func TestReadLimited(t *testing.T) {
	if _, err := egress.ReadLimited(strings.NewReader("123456"), 5); fault.KindOf(err) != fault.TooLarge {
		t.Errorf("got %v", err)
	}
	boom := errors.New("boom")
	if _, err := egress.ReadLimited(io.MultiReader(strings.NewReader("1"), errReader{boom}), 5); !errors.Is(err, boom) {
		t.Errorf("got %v", err)
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

func TestFault(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	_, err = egress.Client(egress.Operator).Get("http://" + addr)
	if got := egress.Fault(err, "the model server"); fault.KindOf(got) != fault.Unavailable || fault.As(got).Message != "the model server cannot be reached." {
		t.Errorf("closed port: %v", got)
	}
	slow, _ := server(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, slow.String(), nil)
	_, err = egress.Client(egress.Operator).Do(req)
	if got := egress.Fault(err, "it"); fault.KindOf(got) != fault.Timeout {
		t.Errorf("timeout: %v", got)
	}
	gone, end := context.WithCancel(context.Background())
	end()
	req, _ = http.NewRequestWithContext(gone, http.MethodGet, slow.String(), nil)
	_, err = egress.Client(egress.Operator).Do(req)
	if got := egress.Fault(err, "it"); !errors.Is(got, context.Canceled) {
		t.Errorf("canceled: %v", got)
	}
	mine := fault.New(fault.Invalid, "x")
	if got := egress.Fault(fmt.Errorf("y: %w", mine), "it"); fault.KindOf(got) != fault.Invalid {
		t.Errorf("kept: %v", got)
	}
	if egress.Fault(nil, "it") != nil {
		t.Error("nil is an error")
	}
}

// Many requests at once reuse connections on the next round.
func TestOperatorKeepsConnections(t *testing.T) {
	var conns atomic.Int64
	release := make(chan struct{})
	var waiting atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		waiting.Add(1)
		<-release
	}))
	s.Config.ConnState = func(_ net.Conn, st http.ConnState) {
		if st == http.StateNew {
			conns.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	const n = 50
	c := &http.Client{Transport: egress.Transport(egress.Operator)}
	defer c.CloseIdleConnections()
	round := func() {
		errs := make(chan error, n)
		for range n {
			go func() {
				resp, err := c.Get(s.URL)
				if err == nil {
					_, err = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
				}
				errs <- err
			}()
		}
		for waiting.Load() < n {
			time.Sleep(time.Millisecond)
		}
		close(release)
		for range n {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
	}
	round()
	first := conns.Load()
	waiting.Store(0)
	release = make(chan struct{})
	round()
	if first != n || conns.Load() != n {
		t.Errorf("%d connections in the first round and %d more in the second, want %d and 0", first, conns.Load()-first, n)
	}
}
