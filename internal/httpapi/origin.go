package httpapi

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxOrigin is how many bytes of a header an Origin keeps.
const maxOrigin = 256

// Origin is where a request came from.
type Origin struct {
	IP        string // where it came from: the peer's address, or what a trusted proxy says; empty on the admin socket
	Forwarded string // X-Forwarded-For as it was sent: a claim, unless the peer is a trusted proxy
	UserAgent string
	RequestID string // as the answer carries it
	Language  string // the browser's first one, such as "ko"; empty: it names none
}

// OriginOf returns where the request came from; the zero Origin outside requests.
func OriginOf(ctx context.Context) Origin {
	c := callOf(ctx)
	if c == nil || c.request == nil {
		return Origin{}
	}
	h := c.request.Header
	o := Origin{RequestID: c.id, Forwarded: cut(strings.Join(h.Values("X-Forwarded-For"), ", ")), UserAgent: cut(h.Get("User-Agent"))}
	o.IP = c.api.clientIP(c.request)
	o.Language = language(h.Get("Accept-Language"))
	return o
}

// language is the first language of an Accept-Language, without its region.
func language(header string) string {
	first, _, _ := strings.Cut(header, ",")
	first, _, _ = strings.Cut(first, ";")
	first, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(first)), "-")
	if len(first) > 3 || strings.Trim(first, "abcdefghijklmnopqrstuvwxyz") != "" {
		return ""
	}
	return first
}

// clientIP returns the address that a request came from. X-Forwarded-For is read from its end, as each proxy adds the address that
// it was called from: the first one that is none of ours is the client. What stands before it the client may have written itself.
func (a *API) clientIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	at, err := netip.ParseAddr(host)
	if err != nil || !a.trusts(at) {
		return host
	}
	chain := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(chain) {
		next, ok := parseHop(strings.TrimSpace(hop))
		if !ok {
			break // what a proxy of ours would not write
		}
		at = next
		if !a.trusts(at) {
			break
		}
	}
	return at.String()
}

// parseHop reads an address, which some proxies write with its port.
func parseHop(s string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return a.Unmap().WithZone(""), true
	}
	ap, err := netip.ParseAddrPort(s)
	return ap.Addr().Unmap().WithZone(""), err == nil
}

func (a *API) trusts(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	return slices.ContainsFunc(a.opts.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// cut makes a header's text something that every database takes.
func cut(s string) string {
	s = strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "\uFFFD")
	if len(s) <= maxOrigin {
		return s
	}
	n := maxOrigin
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
