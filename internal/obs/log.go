package obs

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
)

// LogOptions of NewLogger.
type LogOptions struct {
	Level     string // debug, info, warn, error; empty is info
	Format    string // text or json; empty is text
	Output    io.Writer
	RequestID func(context.Context) string // adds request_id to lines logged with a context; may be nil
}

// NewLogger returns a logger that masks secrets.
func NewLogger(o LogOptions) (*slog.Logger, error) {
	var level slog.Level
	if o.Level != "" {
		if err := level.UnmarshalText([]byte(o.Level)); err != nil {
			return nil, fmt.Errorf("log level %q: write debug, info, warn or error", o.Level)
		}
	}
	ho := &slog.HandlerOptions{Level: level}
	var h slog.Handler
	switch o.Format {
	case "", "text":
		h = slog.NewTextHandler(o.Output, ho)
	case "json":
		h = slog.NewJSONHandler(o.Output, ho)
	default:
		return nil, fmt.Errorf("log format %q: write text or json", o.Format)
	}
	return slog.New(&redactor{inner: h, requestID: o.RequestID}), nil
}

// redactor is a slog.Handler that masks secrets before the inner handler sees them.
type redactor struct {
	inner     slog.Handler
	requestID func(context.Context) string
}

func (h *redactor) Enabled(ctx context.Context, l slog.Level) bool { return h.inner.Enabled(ctx, l) }

func (h *redactor) Handle(ctx context.Context, r slog.Record) error {
	out := slog.NewRecord(r.Time, r.Level, Redact(r.Message), r.PC)
	if h.requestID != nil {
		if id := h.requestID(ctx); id != "" {
			out.AddAttrs(slog.String("request_id", id))
		}
	}
	r.Attrs(func(a slog.Attr) bool {
		out.AddAttrs(redactAttr(a))
		return true
	})
	return h.inner.Handle(ctx, out)
}

func (h *redactor) WithAttrs(attrs []slog.Attr) slog.Handler {
	masked := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		masked[i] = redactAttr(a)
	}
	return &redactor{h.inner.WithAttrs(masked), h.requestID}
}

func (h *redactor) WithGroup(name string) slog.Handler {
	return &redactor{h.inner.WithGroup(name), h.requestID}
}

// secretKeys are names of attributes whose texts are never shown.
var secretKeys = map[string]bool{
	"password": true, "passwd": true, "secret": true, "client_secret": true, "api_key": true, "apikey": true, "api-key": true, "x-api-key": true,
	"authorization": true, "proxy-authorization": true, "cookie": true, "set-cookie": true,
	"token": true, "access_token": true, "refresh_token": true, "session_token": true, "signin_token": true,
}

func redactAttr(a slog.Attr) slog.Attr {
	a.Value = a.Value.Resolve()
	if a.Value.Kind() != slog.KindGroup && secretKeys[strings.ToLower(a.Key)] {
		return slog.String(a.Key, mask)
	}
	switch a.Value.Kind() {
	case slog.KindString:
		return slog.String(a.Key, Redact(a.Value.String()))
	case slog.KindGroup:
		group := a.Value.Group()
		masked := make([]slog.Attr, len(group))
		for i, g := range group {
			masked[i] = redactAttr(g)
		}
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(masked...)}
	case slog.KindAny:
		switch v := a.Value.Any().(type) {
		case nil:
			return a
		case error:
			return slog.String(a.Key, Redact(v.Error()))
		case fmt.Stringer:
			return slog.String(a.Key, Redact(v.String()))
		case []byte:
			return slog.String(a.Key, Redact(string(v)))
		default:
			// Structs, maps and lists are shown as they are unless a secret is inside.
			text := fmt.Sprintf("%+v", v)
			if masked := Redact(text); masked != text {
				return slog.String(a.Key, masked)
			}
		}
	}
	return a
}

const mask = "****"

var (
	keyPattern    = regexp.MustCompile(`\b(sk-|hf_|sess-)[A-Za-z0-9_-]{6,}`)
	authPattern   = regexp.MustCompile(`(?i)\b(bearer|basic)(\s+)[A-Za-z0-9+/=._~-]{6,}`)
	urlPattern    = regexp.MustCompile(`(://[^\s/:@]*):[^\s/@]+@`)
	assignPattern = regexp.MustCompile(`(?i)\b(password|passwd|secret|client_secret|api[_-]?key|token|access_token|refresh_token)("?\s*[=:]\s*"?)[^\s"&,;}\]]+`)
)

// Redact masks keys (sk-…), bearer and basic credentials, passwords in addresses and what is assigned
// to a name like password or token. Text without any of their marks is returned as it is, at little cost.
func Redact(s string) string {
	if strings.Contains(s, "sk-") || strings.Contains(s, "hf_") || strings.Contains(s, "sess-") {
		s = keyPattern.ReplaceAllString(s, "${1}"+mask)
	}
	if containsFold(s, "bearer") || containsFold(s, "basic") {
		s = authPattern.ReplaceAllString(s, "${1}${2}"+mask)
	}
	if strings.Contains(s, "://") && strings.Contains(s, "@") {
		s = urlPattern.ReplaceAllString(s, "${1}:"+mask+"@")
	}
	if strings.ContainsAny(s, "=:") && (containsFold(s, "pass") || containsFold(s, "secret") || containsFold(s, "key") || containsFold(s, "token")) {
		s = assignPattern.ReplaceAllString(s, "${1}${2}"+mask)
	}
	return s
}

// containsFold is strings.Contains without regard to case; sub is ASCII in lower case.
func containsFold(s, sub string) bool {
	for i := 0; i+len(sub) <= len(s); i++ {
		if s[i]|0x20 == sub[0] && strings.EqualFold(s[i:i+len(sub)], sub) {
			return true
		}
	}
	return false
}
