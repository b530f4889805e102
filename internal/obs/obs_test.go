package obs

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"":                                  "",
		"plain text, no secrets":            "plain text, no secrets",
		"key sk-AbC123_xyz-9 is bad":        "key sk-**** is bad",
		"task-force":                        "task-force",
		"risk-assessment":                   "risk-assessment",
		"Authorization: Bearer abc.def-123": "Authorization: Bearer ****",
		"basic dXNlcjpwYXNz":                "basic ****",
		"postgres://u:p%40ss@h/db":          "postgres://u:****@h/db",
		"http://h:8080/a@b":                 "http://h:8080/a@b",
		"http://u@h/":                       "http://u@h/",
		"host=h password=hunter2 user=u":    "host=h password=**** user=u",
		`{"api_key":"abc","n":1}`:           `{"api_key":"****","n":1}`,
		"/signin?token=abc&next=/":          "/signin?token=****&next=/",
		"prompt_tokens=12 total_tokens: 14": "prompt_tokens=12 total_tokens: 14",
		"hf_abcdefgh12":                     "hf_****",
		"PASSWORD = x1":                     "PASSWORD = ****",
	} {
		if got := Redact(in); got != want {
			t.Errorf("Redact(%q) = %q, want %q", in, got, want)
		}
	}
}

type loginForm struct{ Name, Key string }

type resolver struct{}

func (resolver) LogValue() slog.Value { return slog.StringValue("sk-resolved1") }

func TestLoggerMasks(t *testing.T) {
	const secret = "sk-abcdefgh12345"
	for _, format := range []string{"text", "json"} {
		var b bytes.Buffer
		l, err := NewLogger(LogOptions{Format: format, Output: &b})
		if err != nil {
			t.Fatal(err)
		}
		l = l.With("key", secret, "password", "hunter2", slog.Group("g", "authorization", "hunter2"))
		l.WithGroup("sub").Info("message with "+secret, "plain", "shown", "n", 42, "token", "hunter2", "err", errors.New("bad key "+secret), "bytes", []byte(secret),
			"form", loginForm{"ann", secret}, "list", []string{secret}, "header", http.Header{"Authorization": {"Bearer hunter2hunter2"}},
			"resolver", resolver{}, slog.Group("deep", slog.Group("er", "cookie", "hunter2", "text", secret)), "prompt_tokens", 7, "nothing", nil)
		out := b.String()
		for _, s := range []string{"abcdefgh", "hunter2", "resolved1"} {
			if strings.Contains(out, s) {
				t.Errorf("%s: %s is in the log: %s", format, s, out)
			}
		}
		for _, s := range []string{"shown", "42", "message with sk-****", "ann", "prompt_tokens"} {
			if !strings.Contains(out, s) {
				t.Errorf("%s: %q is not in the log: %s", format, s, out)
			}
		}
	}
}

func TestLoggerOptions(t *testing.T) {
	var b bytes.Buffer
	type key struct{}
	l, err := NewLogger(LogOptions{Level: "warn", Output: &b, RequestID: func(ctx context.Context) string {
		id, _ := ctx.Value(key{}).(string)
		return id
	}})
	if err != nil {
		t.Fatal(err)
	}
	l.Info("hidden")
	l.WarnContext(context.WithValue(context.Background(), key{}, "req_1"), "one")
	l.Warn("two")
	if out := b.String(); strings.Contains(out, "hidden") || strings.Count(out, "request_id=req_1") != 1 || strings.Count(out, "\n") != 2 {
		t.Errorf("log: %s", out)
	}
	for _, o := range []LogOptions{{Level: "loud"}, {Format: "xml"}} {
		if _, err := NewLogger(o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}

func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	b, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestMetrics(t *testing.T) {
	m := NewMetrics("1.2.3")
	m.WatchEngine(func() []EngineStatus { return []EngineStatus{{"smol", true, 3, 2}, {"big", false, 0, 0}} })
	m.WatchDB(func() DBStats { return DBStats{Open: 5, InUse: 2, WriterWaiting: 1, Waits: 9} })
	for _, status := range []int{200, 201, 304, 404, 429, 499, 500, 0, 999} {
		m.RequestStarted("chat")
		m.RequestDone("chat", status, 20*time.Millisecond, 100, false)
	}
	m.RequestStarted("chat")
	m.Tokens("smol", 10, 4, 6)
	m.Tokens("smol", 1, 0, 1)
	m.FirstToken("smol", 300*time.Millisecond)
	out := scrape(t, m)
	for _, line := range []string{
		`parley_requests_total{class="2xx",op="chat"} 2`, `parley_requests_total{class="3xx",op="chat"} 1`, `parley_requests_total{class="4xx",op="chat"} 2`,
		`parley_requests_total{class="canceled",op="chat"} 1`, `parley_requests_total{class="5xx",op="chat"} 3`,
		`parley_requests_in_flight{op="chat"} 1`, `parley_response_bytes_total{op="chat"} 900`, `parley_request_seconds_count{op="chat"} 9`,
		`parley_request_seconds_bucket{op="chat",le="0.025"} 9`, `parley_request_seconds_bucket{op="chat",le="0.01"} 0`,
		`parley_tokens_total{kind="prompt",model="smol"} 11`, `parley_tokens_total{kind="cached",model="smol"} 4`, `parley_tokens_total{kind="completion",model="smol"} 7`,
		`parley_first_token_seconds_count{model="smol"} 1`,
		`parley_engine_active{model="smol"} 3`, `parley_engine_queued{model="smol"} 2`, `parley_engine_ready{model="smol"} 1`, `parley_engine_ready{model="big"} 0`,
		`parley_db_connections{state="in_use"} 2`, `parley_db_connections{state="idle"} 3`, `parley_db_writer_waiting 1`, `parley_db_waits_total 9`,
		`version="1.2.3"`, `go_goroutines`,
	} {
		if !strings.Contains(out, line) {
			t.Errorf("no %s in the metrics", line)
		}
	}
}

func BenchmarkRequest(b *testing.B) {
	m := NewMetrics("1")
	b.ReportAllocs()
	for b.Loop() {
		m.RequestStarted("chat")
		m.RequestDone("chat", 200, time.Millisecond, 100, false)
	}
}

func BenchmarkRedactPlain(b *testing.B) {
	for b.Loop() {
		Redact("request done in some time with a common message")
	}
}

func TestTracingIsOffByDefault(t *testing.T) {
	for _, env := range []map[string]string{{}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"}} {
		stop, err := StartTracing(context.Background(), "1", func(k string) string { return env[k] })
		if err != nil {
			t.Fatal(err)
		}
		ctx, end := Span(context.Background(), "x")
		end(nil)
		if ctx != context.Background() || Extract(ctx, propagation.MapCarrier{}) != ctx {
			t.Error("a span without tracing changes the context")
		}
		if err := stop(context.Background()); err != nil {
			t.Error(err)
		}
	}
	_, err := StartTracing(context.Background(), "1", func(k string) string {
		return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}[k]
	})
	if err == nil || !strings.Contains(err.Error(), "http/protobuf") {
		t.Errorf("grpc: %v", err)
	}
}

func TestSpans(t *testing.T) {
	rec := tracetest.NewSpanRecorder()
	stop := startTracing(sdktrace.WithSpanProcessor(rec))
	ctx := Extract(context.Background(), propagation.MapCarrier{"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})
	ctx, end := Span(ctx, "outer")
	_, endInner := Span(ctx, "inner")
	endInner(errors.New("bad key sk-abcdefgh123"))
	end(nil)
	if err := stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	spans := rec.Ended()
	if len(spans) != 2 || spans[0].Name() != "inner" || spans[0].Parent().SpanID() != spans[1].SpanContext().SpanID() ||
		spans[1].SpanContext().TraceID().String() != "0af7651916cd43dd8448eb211c80319c" || spans[0].Status().Description != "bad key sk-****" {
		t.Errorf("spans %+v", spans)
	}
	if trace.SpanContextFromContext(func() context.Context { c, _ := Span(context.Background(), "after"); return c }()).IsValid() {
		t.Error("a span after stop")
	}
}

// The whole way: the environment's endpoint gets the span.
func TestTracesAreSent(t *testing.T) {
	var got atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		if r.URL.Path == "/v1/traces" && bytes.Contains(b, []byte("sent-span")) && bytes.Contains(b, []byte("parley")) {
			got.Add(1)
		}
	}))
	defer s.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", s.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
	stop, err := StartTracing(context.Background(), "1", func(k string) string {
		return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": s.URL}[k]
	})
	if err != nil {
		t.Fatal(err)
	}
	_, end := Span(context.Background(), "sent-span")
	end(nil)
	if err := stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got.Load() != 1 {
		t.Errorf("the collector got %d traces", got.Load())
	}
}
