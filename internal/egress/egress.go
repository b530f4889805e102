// Package egress makes every HTTP client that calls out of Parley.
//
// Client(Operator) is for addresses that the operator configures: it reaches everything, an Ollama on
// loopback above all, and uses the proxies of the environment.
//
// Client(User) is for addresses that users supply (image URLs, actions, webhooks, sites): it reaches only
// public addresses. The check is made on the numeric address that is dialled, after the name was
// resolved and for every redirect, so that neither odd spellings (0x7f.1, 2130706433) nor a name that
// resolves differently the second time get round it. It uses no proxy, as a proxy would dial in our
// place, follows at most five redirects and only to http and https, and gives no more than a minute.
// Answers have no natural end: read them with ReadLimited.
package egress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"github.com/parley-ai/parley/internal/fault"
)

// Trust says who chose the address.
type Trust int

// The two kinds of addresses.
const (
	User     Trust = iota // supplied by users: public addresses only
	Operator              // configured by the operator: trusted
)

const (
	maxRedirects = 5
	userTimeout  = time.Minute
)

// Client returns the client for a kind of address. The Operator's has no overall timeout, as answers
// stream for minutes: set one by context. Clients are shared and keep connections; do not change them.
func Client(t Trust) *http.Client {
	if t == Operator {
		return operator
	}
	return user
}

// Downloads returns Client(User) without its minute, for files that take longer. Give it an end by context.
func Downloads() *http.Client { return downloads }

var (
	downloads = &http.Client{Transport: user.Transport, CheckRedirect: checkRedirect}

	operator = &http.Client{Transport: Transport(Operator)}
	user     = &http.Client{Transport: Transport(User), Timeout: userTimeout, CheckRedirect: checkRedirect}
)

// Transport returns a new transport of a kind, for the few that need a client of their own (gRPC-like
// pools, tests with their own timeouts).
func Transport(t Trust) *http.Transport {
	dialer := Dialer(t)
	tr := &http.Transport{
		DialContext:           dialer.DialContext,
		ForceAttemptHTTP2:     true,
		TLSHandshakeTimeout:   10 * time.Second,
		IdleConnTimeout:       90 * time.Second,
		ExpectContinueTimeout: time.Second,
		MaxIdleConns:          100,
		MaxIdleConnsPerHost:   2,
		MaxConnsPerHost:       16,
		ResponseHeaderTimeout: 30 * time.Second,
		// A hostile server must not make us hold much.
		MaxResponseHeaderBytes: 64 << 10,
	}
	if t == Operator {
		tr.Proxy = http.ProxyFromEnvironment
		// Behind Parley there are few hosts and many requests to each: a small pool would dial for most.
		tr.MaxIdleConns, tr.MaxIdleConnsPerHost, tr.MaxConnsPerHost = 2048, 1024, 0
		// A model may think for long before its first byte.
		tr.ResponseHeaderTimeout = 0
		tr.WriteBufferSize, tr.ReadBufferSize = 16<<10, 16<<10
		// Token streams are many small pieces, and gzip would hold them back.
		tr.DisableCompression = true
		return tr
	}
	return tr
}

// Dialer returns what opens connections to addresses of a kind, for protocols other than HTTP.
func Dialer(t Trust) *net.Dialer {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	if t != Operator {
		dialer.ControlContext = refusePrivate
	}
	return dialer
}

// refusePrivate is called with the numeric address right before each connect.
func refusePrivate(_ context.Context, network, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return refused(address)
	}
	if (network != "tcp4" && network != "tcp6") || !Public(ap.Addr()) {
		return refused(ap.Addr().String())
	}
	return nil
}

// ErrRefused is the cause when Client(User) does not dial an address.
var ErrRefused = errors.New("egress: refused to dial")

func refused(address string) error {
	return fault.New(fault.Invalid, "The address may not be reached: it is private or reserved. Use a public address.").
		WithCause(fmt.Errorf("%w %s", ErrRefused, address))
}

// reserved are the networks that no user may send us to, besides those that netip itself knows.
// From IANA's special-purpose registries.
var reserved = prefixes(
	"0.0.0.0/8",       // this network
	"100.64.0.0/10",   // shared addresses of carriers (CGNAT)
	"192.0.0.0/24",    // protocol assignments
	"192.0.2.0/24",    // documentation
	"192.88.99.0/24",  // 6to4 relays
	"198.18.0.0/15",   // benchmarks
	"198.51.100.0/24", // documentation
	"203.0.113.0/24",  // documentation
	"240.0.0.0/4",     // reserved, and broadcast
	"::/96",           // unspecified, and IPv4-compatible
	"64:ff9b::/96",    // NAT64: stands for any IPv4 address
	"64:ff9b:1::/48",  // NAT64, local
	"100::/64",        // discard
	"2001::/23",       // protocol assignments, Teredo with them
	"2001:db8::/32",   // documentation
	"2002::/16",       // 6to4: stands for any IPv4 address
	"3fff::/20",       // documentation
	"5f00::/16",       // segment routing
	"fec0::/10",       // site-local, of old
)

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// Public reports whether an address is one of the public internet: not private, loopback,
// link-local, multicast, unspecified or reserved, also when wrapped in IPv6.
func Public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsValid() || !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, p := range reserved {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// checkRedirect bounds redirects; where they lead is checked when it is dialled.
func checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return fault.New(fault.Invalid, "The address redirects more than %d times.", maxRedirects)
	}
	if req.URL.Scheme != "http" && req.URL.Scheme != "https" {
		return fault.New(fault.Invalid, "The address redirects to %s, which is neither http nor https.", req.URL.Scheme)
	}
	return nil
}

// ReadLimited reads a whole answer of at most limit bytes; a longer one is fault.TooLarge.
func ReadLimited(r io.Reader, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, fault.New(fault.TooLarge, "The answer is larger than %d bytes.", limit)
	}
	return b, nil
}

// Fault turns the error of a client into one with a kind: refused addresses keep theirs, an ended
// context stays as it is, all else is Unavailable with a message that names the host alone.
func Fault(err error, host string) error {
	if err == nil || fault.As(err) != nil || errors.Is(err, context.Canceled) {
		return err
	}
	if errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
		return fault.New(fault.Timeout, "%s did not answer in time.", host).WithCause(err)
	}
	return fault.New(fault.Unavailable, "%s cannot be reached.", host).WithCause(err)
}

func isTimeout(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout()
}
