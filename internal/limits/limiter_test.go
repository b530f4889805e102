package limits

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
)

var who = actor.Actor{Org: "org-a", Project: "proj_a", User: "user-a", Key: "key_a"}

var begin = time.Unix(1_700_000_000, 0)

func number(n int64) *int64 { return &n }

// limited returns a limiter with rules and its clock.
func limited(settings Settings, rules ...Rule) (*Limiter, *clock.Fake) {
	clk := clock.NewFake(begin)
	l := New(clk, settings)
	l.set(rules, nil)
	return l, clk
}

// headersOf are the headers of a refusal.
func headersOf(t *testing.T, err error) map[string]string {
	t.Helper()
	d, ok := errors.AsType[httpapi.Detailer](err)
	if !ok || fault.KindOf(err) != fault.RateLimited || fault.As(err).Code != "rate_limit_exceeded" {
		t.Fatalf("refused by %v", err)
	}
	return d.ErrorHeaders()
}

func TestNothingIsLimitedByDefault(t *testing.T) {
	l := New(clock.System, Settings{})
	for range 1000 {
		d, err := l.Admit(t.Context(), who, Request{Class: "chat", Model: "m", Tokens: 1 << 30})
		if err != nil || d.Headers != nil {
			t.Fatalf("%+v %v", d, err)
		}
		d.Correct(5)
	}
	if len(l.accounts)+len(l.plans) > 0 {
		t.Error("it remembers what it does not limit")
	}
}

func TestRequests(t *testing.T) {
	l, clk := limited(Settings{RequestsPerMinute: 3})
	ask := func(org, model string) (Decision, error) {
		return l.Admit(t.Context(), actor.Actor{Org: org}, Request{Class: "completions", Model: model, Tokens: 10})
	}
	for i, want := range []string{"2] [x-ratelimit-reset-requests 20s", "1] [x-ratelimit-reset-requests 40s", "0] [x-ratelimit-reset-requests 1m0s"} {
		d, err := ask("org-a", "text-davinci-002")
		if err != nil {
			t.Fatal(err)
		}
		want := "[[x-ratelimit-limit-requests 3] [x-ratelimit-remaining-requests " + want + "]]"
		if got := fmt.Sprint(d.Headers); got != want {
			t.Errorf("request %d: got %s, want %s", i, got, want)
		}
	}
	// As OpenAI answered on 14 April 2023 to a limit of three: "Please try again in 20s."
	_, err := ask("org-a", "text-davinci-002")
	if want := "Rate limit reached for default-text-davinci-002 in organization org-a on requests per min. Limit: 3.000000 / min. " +
		"Current: 4.000000 / min. Please try again in 20s."; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if h := headersOf(t, err); h["Retry-After"] != "20" || h["Retry-After-Ms"] != "20000" || h["x-ratelimit-reset-requests"] != "1m0s" || h["X-Should-Retry"] != "" {
		t.Errorf("%v", h)
	}
	if _, err := ask("org-b", "text-davinci-002"); err != nil {
		t.Errorf("another organization: %v", err)
	}
	if _, err := ask("org-a", "gpt-4"); err != nil {
		t.Errorf("another model: %v", err)
	}
	clk.Advance(20*time.Second - time.Millisecond)
	if _, err := ask("org-a", "text-davinci-002"); err == nil || !strings.Contains(err.Error(), "try again in 20s.") {
		t.Errorf("too early, and counted: %v", err)
	}
	clk.Advance(20 * time.Second)
	if _, err := ask("org-a", "text-davinci-002"); err != nil {
		t.Errorf("after what was said: %v", err)
	}
	clk.Advance(time.Hour)
	if d, err := ask("org-a", "text-davinci-002"); err != nil || d.Headers[1][1] != "2" {
		t.Errorf("a bucket holds no more than a minute's: %v %v", d.Headers, err)
	}
}

// TestRefusedRequestsAreKept: with KeepRefused whoever repeats at once gets what is refilled, all of it.
func TestRefusedRequestsAreKept(t *testing.T) {
	for _, keep := range []bool{false, true} {
		l, clk := limited(Settings{RequestsPerMinute: 60, KeepRefused: keep})
		admitted := 0
		for range 2400 { // four in a second for ten minutes
			if _, err := l.Admit(t.Context(), who, Request{Model: "m"}); err == nil {
				admitted++
			}
			clk.Advance(250 * time.Millisecond)
		}
		if want := map[bool]int{true: 60 + 599, false: 79}[keep]; admitted != want {
			t.Errorf("keep %v: %d admitted, want %d", keep, admitted, want)
		}
	}
}

func TestTokens(t *testing.T) {
	l, clk := limited(Settings{TokensPerMinute: 50000})
	ask := func(tokens int) (Decision, error) {
		return l.Admit(t.Context(), who, Request{Class: "chat", Model: "gpt-4", Tokens: tokens})
	}
	first, err := ask(47949)
	if err != nil || fmt.Sprint(first.Headers) != "[[x-ratelimit-limit-tokens 50000] [x-ratelimit-remaining-tokens 2051] [x-ratelimit-reset-tokens 57.538s]]" {
		t.Fatalf("%v %v", first.Headers, err)
	}
	// OpenAI: "Limit 50000, Used 47949, Requested 3006. Please try again in 1.146s."
	if _, err := ask(3006); err == nil || !strings.Contains(err.Error(), "on tokens per min. Limit: 50000.000000 / min. Current: 50955.000000 / min. Please try again in 1.146s.") {
		t.Errorf("the second: %v", err)
	}
	clk.Advance(500 * time.Millisecond)
	first.Correct(40000) // it asked for 47949
	second, err := ask(10000)
	if err != nil || second.Headers[1][1] != "416" {
		t.Errorf("after the correction: %v %v", second.Headers, err)
	}
	if _, err := ask(50001); err == nil || !strings.Contains(err.Error(), "Request too large for gpt-4 in organization org-a on tokens per min. Limit: 50000 / min. Requested: 50001.") ||
		headersOf(t, err)["X-Should-Retry"] != "false" {
		t.Errorf("more than ever fits: %v", err)
	}
	second.Correct(70000) // an answer that was longer than what was asked for has to be waited for
	if _, err := ask(1); err == nil || !strings.Contains(err.Error(), "Current: 109585.000000") {
		t.Errorf("after a long answer: %v", err)
	}
	if _, err := ask(0); err != nil {
		t.Errorf("a request that asks for no tokens: %v", err)
	}
	clk.Advance(3 * time.Minute)
	third, err := ask(30000)
	if err != nil {
		t.Fatal(err)
	}
	second.Correct(0) // what it had was refilled long ago, and is not given back out of the third's
	if d, err := ask(1); err != nil || d.Headers[1][1] != "19999" {
		t.Errorf("a late correction: %v %v, after %v", d.Headers, err, third.Headers)
	}
}

// TestDay: OpenAI's free tier allowed 200 requests a day, and 40,000 tokens a minute.
func TestDay(t *testing.T) {
	l, clk := limited(Settings{}, Rule{Subject: Organization, Values: Values{RequestsPerDay: number(200), RequestsPerMinute: number(500), TokensPerMinute: number(40000)}})
	ask := func() (Decision, error) {
		return l.Admit(t.Context(), who, Request{Class: "chat", Model: "gpt-4", Tokens: 60})
	}
	d, err := ask()
	if want := "[[x-ratelimit-limit-requests 200] [x-ratelimit-remaining-requests 199] [x-ratelimit-reset-requests 7m12s] " +
		"[x-ratelimit-limit-tokens 40000] [x-ratelimit-remaining-tokens 39940] [x-ratelimit-reset-tokens 90ms]]"; err != nil || fmt.Sprint(d.Headers) != want {
		t.Errorf("got %v, %v, want %s", d.Headers, err, want)
	}
	for range 199 {
		if _, err := ask(); err != nil {
			t.Fatal(err)
		}
	}
	_, err = ask()
	if want := "Rate limit reached for gpt-4 in organization org-a on requests per day (RPD): Limit 200, Used 200, Requested 1. Please try again in 7m12s."; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if h := headersOf(t, err); h["X-Should-Retry"] != "false" || h["Retry-After"] != "432" || h["x-ratelimit-reset-requests"] != "24h0m0s" {
		t.Errorf("%v", h)
	}
	clk.Advance(432 * time.Second)
	if _, err := ask(); err != nil {
		t.Errorf("after what was said: %v", err)
	}

	l.set([]Rule{{Subject: Organization, Values: Values{TokensPerDay: number(1000)}}}, nil)
	if _, err := l.Admit(t.Context(), who, Request{Class: "chat", Model: "x", Tokens: 900}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Admit(t.Context(), who, Request{Class: "chat", Model: "x", Tokens: 101}); err == nil ||
		err.Error() != "Rate limit reached for x in organization org-a on tokens per day (TPD): Limit 1000, Used 900, Requested 101. Please try again in 1m26.4s." {
		t.Errorf("tokens of the day: %v", err)
	}
}

// TestUnits: a token of ada is a two-hundredth of davinci's, and what a rule says goes before.
func TestUnits(t *testing.T) {
	half := 0.5
	l, _ := limited(Settings{TokensPerMinute: 100}, Rule{Subject: Organization, Model: "small", Values: Values{TokenWeight: &half}})
	for model, most := range map[string]int{"ada": 20000, "text-babbage-001": 10000, "curie": 2500, "davinci": 100, "small": 200, "text-embedding-ada-002": 100} {
		if _, err := l.Admit(t.Context(), who, Request{Model: model, Tokens: most}); err != nil {
			t.Errorf("%s: %v", model, err)
		}
		if _, err := l.Admit(t.Context(), who, Request{Model: model, Tokens: 300}); err == nil {
			t.Errorf("%s: more than %d tokens", model, most)
		}
	}
}

// TestRules: what is more special goes before, field by field.
func TestRules(t *testing.T) {
	l, _ := limited(Settings{RequestsPerMinute: 1, TokensPerMinute: 2},
		Rule{Subject: Organization, Model: "m", Values: Values{RequestsPerMinute: number(3)}},
		Rule{Subject: Organization, Org: "org-a", Values: Values{RequestsPerMinute: number(4), RequestsPerDay: number(5)}},
		Rule{Subject: Organization, Org: "org-a", Model: "m", Values: Values{TokensPerMinute: number(0)}},
		Rule{Subject: Key, Org: "org-a", Values: Values{RequestsPerMinute: number(6)}},
		Rule{Subject: Key, Org: "org-a", SubjectID: "key_a", Values: Values{RequestsPerMinute: number(7)}},
	)
	for _, tt := range []struct {
		org     string
		subject Subject
		id      string
		model   string
		want    [kinds]float64 // requests by minute and day, tokens by minute and day
	}{
		{"org-b", Organization, "org-b", "x", [kinds]float64{1, 0, 2, 0}},
		{"org-b", Organization, "org-b", "m", [kinds]float64{3, 0, 2, 0}},
		{"org-a", Organization, "org-a", "x", [kinds]float64{4, 5, 2, 0}},
		{"org-a", Organization, "org-a", "m", [kinds]float64{4, 5, 0, 0}},
		{"org-a", Key, "key_a", "m", [kinds]float64{7, 0, 0, 0}},
		{"org-a", Key, "key_b", "m", [kinds]float64{6, 0, 0, 0}},
		{"org-b", Key, "key_b", "m", [kinds]float64{}},
		{"org-a", User, "user-a", "m", [kinds]float64{}},
	} {
		if got := l.table.Load().resolve(tt.org, tt.subject, tt.id, tt.model); got.limits != tt.want {
			t.Errorf("%s %s %s %s: got %v, want %v", tt.org, tt.subject, tt.id, tt.model, got.limits, tt.want)
		}
	}
}

// TestSubjects: each limit is counted for whom it is about, all are asked, and what one refuses is taken of none.
func TestSubjects(t *testing.T) {
	for _, tt := range []struct {
		subject Subject
		other   func(*actor.Actor, *Request)
		place   string
	}{
		{Organization, func(a *actor.Actor, _ *Request) { a.Org = "org-b" }, "organization org-a on"},
		{Project, func(a *actor.Actor, _ *Request) { a.Project = "proj_b" }, "project proj_a organization org-a on"},
		{User, func(a *actor.Actor, _ *Request) { a.User = "user-b" }, "organization org-a for user user-a on"},
		{Key, func(a *actor.Actor, _ *Request) { a.Key = "key_b" }, "organization org-a for key key_a on"},
		{EndUser, func(_ *actor.Actor, r *Request) { r.EndUser = strings.Repeat("long ", 20) }, `organization org-a for end user "mary" on`},
	} {
		l, _ := limited(Settings{TokensPerMinute: 1000}, Rule{Subject: tt.subject, Org: "org-a", Values: Values{RequestsPerMinute: number(1)}},
			Rule{Subject: tt.subject, Org: "org-b", Values: Values{RequestsPerMinute: number(1)}})
		a, r := who, Request{Class: "chat", Model: "m", Tokens: 10, EndUser: "mary"}
		if _, err := l.Admit(t.Context(), a, r); err != nil {
			t.Fatal(err)
		}
		_, err := l.Admit(t.Context(), a, r)
		if err == nil || !strings.Contains(err.Error(), " in "+tt.place+" requests per min.") {
			t.Errorf("%s: %v", tt.subject, err)
		} else if h := headersOf(t, err); h["x-ratelimit-remaining-tokens"] != "990" || h["x-ratelimit-limit-requests"] != "1" {
			t.Errorf("%s: a refused request took tokens: %v", tt.subject, h)
		}
		tt.other(&a, &r)
		if _, err := l.Admit(t.Context(), a, r); err != nil {
			t.Errorf("another %s: %v", tt.subject, err)
		}
	}
	l, _ := limited(Settings{}, Rule{Subject: EndUser, Values: Values{RequestsPerMinute: number(1)}}, Rule{Subject: User, Values: Values{RequestsPerMinute: number(1)}})
	for range 3 { // neither a person nor an end user
		if _, err := l.Admit(t.Context(), actor.Actor{Org: "org-a", Key: "key_a"}, Request{Model: "m"}); err != nil {
			t.Error(err)
		}
	}
}

// TestTheLongestWaitIsSaid: who waits as long as a refusal says is not refused by another limit.
func TestTheLongestWaitIsSaid(t *testing.T) {
	l, clk := limited(Settings{}, Rule{Subject: Organization, Values: Values{RequestsPerMinute: number(60), TokensPerMinute: number(60)}},
		Rule{Subject: Key, Values: Values{TokensPerMinute: number(30)}})
	ask := func() error {
		_, err := l.Admit(t.Context(), who, Request{Model: "m", Tokens: 30})
		return err
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	err := ask()
	if err == nil || !strings.Contains(err.Error(), "for key key_a on tokens per min. Limit: 30.000000 / min. Current: 60.000000 / min. Please try again in 1m0s.") {
		t.Fatal(err)
	}
	if h := headersOf(t, err); h["x-ratelimit-limit-tokens"] != "30" || h["x-ratelimit-limit-requests"] != "60" {
		t.Errorf("%v", h)
	}
	clk.Advance(time.Minute)
	if err := ask(); err != nil {
		t.Error(err)
	}
}

// TestChangesAreInForceAtOnce: and what was counted stays counted.
func TestChangesAreInForceAtOnce(t *testing.T) {
	l, _ := limited(Settings{RequestsPerMinute: 10})
	left := func() string {
		d, err := l.Admit(t.Context(), who, Request{Model: "m"})
		if err != nil {
			return "none"
		}
		return d.Headers[1][1]
	}
	for i, tt := range []struct {
		limit int64
		left  string
	}{{10, "9"}, {5, "3"}, {2, "none"}, {20, "17"}} {
		l.set([]Rule{{Subject: Organization, Org: "org-a", Values: Values{RequestsPerMinute: &tt.limit}}}, nil)
		if got := left(); got != tt.left {
			t.Errorf("change %d: %s left, want %s", i, got, tt.left)
		}
	}
}

// TestAnswer is what a client gets to see.
func TestAnswer(t *testing.T) {
	l, _ := limited(Settings{RequestsPerMinute: 1, TokensPerMinute: 50})
	api, err := httpapi.New(httpapi.Options{Auth: auth{}, Logger: slog.New(slog.DiscardHandler), Routes: []httpapi.Route{{
		Method: "GET", Path: "/v1/x", Op: "x", Handle: func(w http.ResponseWriter, r *http.Request) error {
			_, err := l.Admit(r.Context(), httpapi.ActorOf(r.Context()), Request{Model: "gpt-4", Tokens: 7})
			if err != nil {
				return fmt.Errorf("generate: %w", err)
			}
			return httpapi.JSON(w, 200, true)
		}}}})
	if err != nil {
		t.Fatal(err)
	}
	var rec *httptest.ResponseRecorder
	for range 2 {
		rec = httptest.NewRecorder()
		api.ServeHTTP(rec, httptest.NewRequest("GET", "/v1/x", nil))
	}
	if rec.Code != 429 || rec.Header().Get("Retry-After") != "60" || rec.Header().Get("X-Ratelimit-Remaining-Requests") != "0" ||
		rec.Header().Get("X-Ratelimit-Remaining-Tokens") != "43" || !strings.Contains(rec.Body.String(), `"type":"requests","param":null,"code":"rate_limit_exceeded"`) {
		t.Errorf("%d %v %s", rec.Code, rec.Header(), rec.Body)
	}
}

// auth is a fake: everybody is a key of org-a.
type auth struct{}

func (auth) Authenticate(*http.Request) (actor.Actor, error) {
	return actor.Actor{Org: "org-a", Key: "key_1"}, nil
}

func TestConcurrentRequestsAreCountedExactly(t *testing.T) {
	l, _ := limited(Settings{RequestsPerMinute: 500, TokensPerMinute: 1e6}, Rule{Subject: Key, Values: Values{RequestsPerMinute: number(100)}})
	var wg sync.WaitGroup
	var mu sync.Mutex
	admitted, byKey := 0, map[string]int{}
	for i := range 1200 {
		key := fmt.Sprintf("key_%d", i%6)
		wg.Go(func() {
			d, err := l.Admit(t.Context(), actor.Actor{Org: "org-a", Key: key}, Request{Model: "m", Tokens: 1000})
			d.Correct(10)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				admitted++
				byKey[key]++
			} else if fault.KindOf(err) != fault.RateLimited {
				t.Errorf("refused by %v", err)
			}
		})
	}
	wg.Wait()
	for key, n := range byKey {
		if n > 100 {
			t.Errorf("%s: %d were admitted, want at most 100", key, n)
		}
	}
	if admitted != 500 {
		t.Errorf("%d of 1200 were admitted, want 500", admitted)
	}
	d, err := l.Admit(t.Context(), actor.Actor{Org: "org-a"}, Request{Model: "other"})
	if err != nil || d.Headers[4][1] != "1000000" {
		t.Errorf("%v %v", d.Headers, err)
	}
	if got := l.accounts[account{"org-a", Organization, "org-a", "", "m"}].buckets[tokensMinute].used; got != 500*10 {
		t.Errorf("%v tokens are counted, want %d", got, 500*10)
	}
}

func TestAccountsAreForgotten(t *testing.T) {
	l, clk := limited(Settings{RequestsPerMinute: 5}, Rule{Subject: EndUser, Values: Values{RequestsPerDay: number(100)}})
	for i := range 100 {
		if _, err := l.Admit(t.Context(), who, Request{Model: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	d, err := l.Admit(t.Context(), who, Request{Model: "long", EndUser: "mary", Tokens: 1})
	if err != nil {
		t.Fatal(err)
	}
	clk.Advance(time.Minute)
	if _, err := l.Admit(t.Context(), who, Request{Model: "new"}); err != nil || len(l.accounts) != 2 || len(l.plans) != 1 {
		t.Errorf("%d accounts, %d plans, %v: want that of now, and mary's of the day", len(l.accounts), len(l.plans), err)
	}
	d.Correct(50) // of an account that was forgotten
	for i := range 2 * maxAccounts {
		if i%1000 == 0 {
			clk.Advance(20 * time.Millisecond)
		}
		if _, err := l.Admit(t.Context(), who, Request{Model: "m" + fmt.Sprint(i/4), EndUser: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if len(l.accounts) > maxAccounts+maxAccounts/2 {
		t.Errorf("%d accounts", len(l.accounts))
	}
}

// TestAForgottenAccountIsCorrected: what a long answer used counts, also when its account was forgotten meanwhile.
func TestAForgottenAccountIsCorrected(t *testing.T) {
	l, clk := limited(Settings{TokensPerMinute: 100})
	d, err := l.Admit(t.Context(), who, Request{Model: "m", Tokens: 1})
	if err != nil {
		t.Fatal(err)
	}
	clk.Advance(2 * time.Minute)
	if _, err := l.Admit(t.Context(), who, Request{Model: "other"}); err != nil || len(l.accounts) != 1 {
		t.Fatalf("%d accounts, %v", len(l.accounts), err)
	}
	d.Correct(101)
	if _, err := l.Admit(t.Context(), who, Request{Model: "m", Tokens: 1}); err == nil {
		t.Error("the answer's tokens were lost")
	}
}

// TestAClockThatIsSetBack: nothing is refilled by it, and the bucket is not stuck until the old time comes.
func TestAClockThatIsSetBack(t *testing.T) {
	l, clk := limited(Settings{RequestsPerMinute: 2})
	ask := func() error {
		_, err := l.Admit(t.Context(), who, Request{Model: "m"})
		return err
	}
	for i := range 3 {
		if err := ask(); (err == nil) != (i < 2) {
			t.Fatalf("two are allowed; request %d: %v", i, err)
		}
	}
	clk.Advance(-time.Hour)
	if ask() == nil {
		t.Error("refilled by a clock that was set back")
	}
	clk.Advance(30 * time.Second)
	if err := ask(); err != nil {
		t.Errorf("half a minute later: %v", err)
	}
}

func TestShort(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0s": 999 * time.Microsecond, "6ms": 6599 * time.Microsecond, "84ms": 84300 * time.Microsecond, "8.64s": 8640 * time.Millisecond,
		"6m0s": 6 * time.Minute, "7m12s": 432*time.Second - 1, "24h0m0s": 24 * time.Hour,
	} {
		if got := short(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}
