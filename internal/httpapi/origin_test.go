package httpapi

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

// TestClientAddress: X-Forwarded-For is believed as far as trusted proxies wrote it, and not from anybody else.
func TestClientAddress(t *testing.T) {
	a := &API{opts: Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8"), netip.MustParsePrefix("127.0.0.1/32")}}}
	for _, tt := range []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"no proxy", "192.0.2.1:5", nil, "192.0.2.1"},
		{"a client that claims", "192.0.2.1:5", []string{"198.51.100.1"}, "192.0.2.1"},
		{"a client that claims to be a proxy", "192.0.2.1:5", []string{"198.51.100.1, 10.0.0.1"}, "192.0.2.1"},
		{"behind a proxy", "10.0.0.1:5", []string{"198.51.100.1"}, "198.51.100.1"},
		{"behind two, in one header", "10.0.0.1:5", []string{"198.51.100.1, 10.0.0.2"}, "198.51.100.1"},
		{"behind two, in two headers", "10.0.0.1:5", []string{"198.51.100.1", "10.0.0.2"}, "198.51.100.1"},
		{"what the client wrote stands first", "10.0.0.1:5", []string{"203.0.113.66, 198.51.100.1"}, "198.51.100.1"},
		{"a client that pretends a chain of ours", "10.0.0.1:5", []string{"203.0.113.66, 10.0.0.9, 198.51.100.1"}, "198.51.100.1"},
		{"all are ours", "10.0.0.1:5", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"a proxy that says nothing", "10.0.0.1:5", nil, "10.0.0.1"},
		{"nonsense", "10.0.0.1:5", []string{"198.51.100.1, unknown"}, "10.0.0.1"},
		{"nonsense before the client", "10.0.0.1:5", []string{"<script>, 198.51.100.1"}, "198.51.100.1"},
		{"with a port", "10.0.0.1:5", []string{"198.51.100.1:443"}, "198.51.100.1"},
		{"IPv6", "[fd00::1]:5", []string{"2001:db8::1"}, "2001:db8::1"},
		{"IPv6 with a port", "[fd00::1]:5", []string{"[2001:db8::1]:443"}, "2001:db8::1"},
		{"IPv4 in IPv6", "[::ffff:10.0.0.1]:5", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		{"a zone does not make it another", "10.0.0.1:5", []string{"fe80::1%eth0"}, "fe80::1"},
		{"the admin socket", "@", []string{"198.51.100.1"}, ""},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = tt.peer
		r.Header["X-Forwarded-For"] = tt.forwarded
		if got := a.clientIP(r); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr, r.Header["X-Forwarded-For"] = "127.0.0.1:5", []string{"198.51.100.1"}
	if got := (&API{}).clientIP(r); got != "127.0.0.1" {
		t.Errorf("a proxy that nobody trusts is believed: %s", got)
	}
}

// FuzzClientAddress: whatever a header says, an address comes out, and one of the trusted network only when nothing else was said.
func FuzzClientAddress(f *testing.F) {
	for _, s := range []string{"", ",", "1.2.3.4", "1.2.3.4, 10.0.0.1", "[::1", "::1%", "10.0.0.1, \xff", "1.2.3.4:99999"} {
		f.Add(s)
	}
	a := &API{opts: Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}}
	f.Fuzz(func(t *testing.T, forwarded string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr, r.Header["X-Forwarded-For"] = "10.0.0.1:5", []string{forwarded}
		if _, err := netip.ParseAddr(a.clientIP(r)); err != nil {
			t.Errorf("%q: %v", forwarded, err)
		}
	})
}
