package httpapi

import (
	"context"
	"net"
	"strings"
	"unicode/utf8"
)

// maxOrigin is how many bytes of a header an Origin keeps.
const maxOrigin = 256

// Origin is where a request came from.
type Origin struct {
	IP        string // the address of the peer, which is a proxy's where one stands before the server; empty on the admin socket
	Forwarded string // X-Forwarded-For as it was sent: a claim, which only a proxy of one's own makes true
	UserAgent string
	RequestID string // as the answer carries it
}

// OriginOf returns where the request came from; the zero Origin outside requests.
func OriginOf(ctx context.Context) Origin {
	c := callOf(ctx)
	if c == nil || c.request == nil {
		return Origin{}
	}
	h := c.request.Header
	o := Origin{RequestID: c.id, Forwarded: cut(strings.Join(h.Values("X-Forwarded-For"), ", ")), UserAgent: cut(h.Get("User-Agent"))}
	if host, _, err := net.SplitHostPort(c.request.RemoteAddr); err == nil {
		o.IP = host
	}
	return o
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
