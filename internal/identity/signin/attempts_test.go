package signin

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// TestGuessing: who guesses from one address is slowed more and more; others of the account are not until many guess; a right
// password in between is refused unlooked at while the door is closed.
func TestGuessing(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		w.ann()
		evil := w.client()
		evil.ip = "203.0.113.9"
		for range 5 {
			evil.password("guess", "", "401 invalid_credentials")
		}
		evil.password("guess", "", "401 invalid_credentials") // the sixth closes the door
		wait := 5
		for range 4 {
			out := evil.password(password, "", "429 too_many_attempts")
			if out["retry"] != strconv.Itoa(wait) {
				t.Fatalf("Retry-After %v, want %d", out["retry"], wait)
			}
			w.clock.Advance(time.Duration(wait)*time.Second - time.Millisecond)
			evil.password(password, "", "429 too_many_attempts") // refused ones do not count
			w.clock.Advance(time.Millisecond)
			evil.password("guess", "", "401 invalid_credentials")
			wait *= 2
		}
		w.client().password(password, "", "200") // ann herself, from elsewhere
		w.clock.Advance(time.Duration(wait) * time.Second)
		evil.password(password, "", "200") // it was her, too
		for range 5 {
			evil.password("guess", "", "401 invalid_credentials")
		}
	})
}

// TestGuessingFromEverywhere: many addresses together are slowed, too, to less than 100 guesses in an hour (ASVS 2.2.1).
func TestGuessingFromEverywhere(t *testing.T) {
	w := start(t, storetest.Open(t, storetest.SQLite(t), store.Options{}))
	w.ann()
	guesses := 0
	for i := range 3600 {
		evil := w.client()
		evil.ip = fmt.Sprintf("203.0.%d.%d", i/256, i%256)
		switch got, _ := evil.send("POST", "/api/session", `{"email":"`+address+`","password":"guess"}`); got {
		case "401 invalid_credentials":
			guesses++
		case "429 too_many_attempts":
		default:
			t.Fatal(got)
		}
		w.clock.Advance(time.Second)
	}
	if guesses >= 100 || guesses < 20 {
		t.Errorf("%d guesses in an hour", guesses)
	}
	t.Logf("%d guesses in an hour", guesses)
}

// TestSpraying: one address that tries one password on many accounts is slowed.
func TestSpraying(t *testing.T) {
	w := start(t, storetest.Open(t, storetest.SQLite(t), store.Options{}))
	evil := w.client()
	evil.ip = "2001:db8:1:2::1"
	refused := 0
	for i := range 60 {
		evil.ip = fmt.Sprintf("2001:db8:1:2::%x", i+1) // one customer has them all
		body := fmt.Sprintf(`{"email":"user%d@example.com","password":"Summer2023!!"}`, i)
		want := "401 invalid_credentials"
		if i > 50 {
			want = "429 too_many_attempts"
			refused++
		}
		evil.ask("POST", "/api/session", body, want)
	}
	if refused == 0 {
		t.Error("nothing was refused")
	}
	evil.ip = "2001:db8:1:3::1"
	evil.ask("POST", "/api/session", `{"email":"user@example.com","password":"x"}`, "401 invalid_credentials")
}

// TestUnknownAccounts: the answers and the delays are the same as for an account that exists.
func TestUnknownAccounts(t *testing.T) {
	w := start(t, storetest.Open(t, storetest.SQLite(t), store.Options{}))
	w.ann()
	w.mail.on = true
	answers := map[string][]string{}
	for _, email := range []string{address, "nobody@example.com"} {
		c := w.client()
		c.ip = "203.0.113." + strconv.Itoa(len(email))
		for range 8 {
			out := c.ask("POST", "/api/session", `{"email":"`+email+`","password":"guess"}`, "401 invalid_credentials")
			answers[email] = append(answers[email], fmt.Sprint(out))
			if len(answers[email]) == 6 {
				break
			}
		}
		out := c.ask("POST", "/api/session", `{"email":"`+email+`","password":"guess"}`, "429 too_many_attempts")
		reset := c.ask("POST", "/api/session/reset", `{"email":"`+email+`"}`, "200")
		answers[email] = append(answers[email], fmt.Sprint(out), fmt.Sprint(reset))
	}
	if a, b := fmt.Sprint(answers[address]), fmt.Sprint(answers["nobody@example.com"]); a != b {
		t.Errorf("known:   %s\nunknown: %s", a, b)
	}
}

// TestResetTakesAsLong: the work for who is known, a link and a mail, is not seen in the time that the answer takes.
func TestResetTakesAsLong(t *testing.T) {
	w := start(t, storetest.Open(t, storetest.SQLite(t), store.Options{}))
	w.ann()
	w.mail.on, w.resetTakes = true, 50*time.Millisecond
	for _, email := range []string{address, "nobody@example.com"} {
		began := time.Now()
		w.client().ask("POST", "/api/session/reset", `{"email":"`+email+`"}`, "200")
		if took := time.Since(began); took < w.resetTakes {
			t.Errorf("%s: %v", email, took)
		}
	}
}

// TestGuessingAtOnce: tries are counted before they are looked at, so that many at once are no way round.
func TestGuessingAtOnce(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		w.ann()
		var mu sync.Mutex
		var wg sync.WaitGroup
		looked := 0
		for range 40 {
			wg.Go(func() {
				_, err := w.SignIn(t.Context(), Credentials{Email: address, Password: "guess"})
				mu.Lock()
				defer mu.Unlock()
				if refused := new(tooMany); !errors.As(err, &refused) {
					looked++
				}
			})
		}
		wg.Wait()
		if looked != pairTries.free+1 {
			t.Errorf("%d of 40 were looked at, want %d", looked, pairTries.free+1)
		}
	})
}

// TestServersShareTheCounts: a second server of the same database refuses what the first one counted.
func TestServersShareTheCounts(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		one := start(t, db)
		one.ann()
		for range 6 {
			one.client().password("guess", "", "401 invalid_credentials")
		}
		other := &Service{db: db, ids: one.ids, mail: one.mail, seal: one.seal, clock: one.clock, audit: one.audit, hash: one.hash}
		api, err := httpapi.New(httpapi.Options{Routes: other.Routes(), Auth: one.ids, Logger: one.log, Clock: one.clock})
		if err != nil {
			t.Fatal(err)
		}
		second := &world{Service: other, t: t, ids: one.ids, api: api, clock: one.clock}
		second.client().password(password, "", "429 too_many_attempts")
	})
}

// TestGuessingCodes: who knows the password has few tries at the code, from whatever address.
func TestGuessingCodes(t *testing.T) {
	w := start(t, storetest.Open(t, storetest.SQLite(t), store.Options{}))
	c := w.ann()
	secret, _ := c.enrol()
	for i := range 6 {
		evil := w.client()
		evil.ip = fmt.Sprintf("203.0.113.%d", i)
		evil.password(password, fmt.Sprintf("00000%d", i), "401 invalid_code")
	}
	evil := w.client()
	evil.ip = "198.51.100.1"
	if out := evil.password(password, w.code(secret), "429 too_many_attempts"); out["retry"] != "15" {
		t.Errorf("%v", out)
	}
	w.clock.Advance(15 * time.Second)
	w.client().password(password, w.code(secret), "200")
	types, all := w.lines()
	if number(types, "login.failed") != 6 || !strings.Contains(all, `"error_code":"invalid_code"`) {
		t.Errorf("%v", types)
	}
}

// TestOldCountsGo: the table does not grow with what was tried long ago.
func TestOldCountsGo(t *testing.T) {
	db := storetest.Open(t, storetest.SQLite(t), store.Options{})
	w := start(t, db)
	for i := range 50 {
		c := w.client()
		c.ip = fmt.Sprintf("203.0.113.%d", i)
		c.ask("POST", "/api/session", fmt.Sprintf(`{"email":"user%d@example.com","password":"x"}`, i), "401 invalid_credentials")
	}
	rows := func() (n int) {
		if err := db.Read().QueryRow(t.Context(), `SELECT COUNT(*) FROM signin_attempts`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := rows()
	w.clock.Advance(forgetAfter)
	w.client().ask("POST", "/api/session", `{"email":"x@example.com","password":"x"}`, "401 invalid_credentials")
	if after := rows(); before != 150 || after != 3 {
		t.Errorf("%d rows, then %d", before, after)
	}
}

func TestNetwork(t *testing.T) {
	for ip, want := range map[string]string{"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8:1:2:3::4": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64", "": "", "x": "x"} {
		if got := network(ip); got != want {
			t.Errorf("%s: %s, want %s", ip, got, want)
		}
	}
}

// TestBehindAProxy: what counts is the client's address as a trusted proxy tells it; what a client claims is nothing.
func TestBehindAProxy(t *testing.T) {
	w := start(t, storetest.Open(t, storetest.SQLite(t), store.Options{}))
	w.ann()
	forger := w.client()
	forger.ip = "203.0.113.9"
	for i := range 6 {
		forger.header = http.Header{"X-Forwarded-For": {fmt.Sprintf("198.51.100.%d", i)}}
		forger.password("guess", "", "401 invalid_credentials")
	}
	forger.header = http.Header{"X-Forwarded-For": {"198.51.100.77"}}
	forger.password("guess", "", "429 too_many_attempts")
	_, all := w.lines()
	if strings.Contains(all, "IP:198.51.100") || !strings.Contains(all, "IP:203.0.113.9") {
		t.Errorf("a forged address is in the log: %s", all)
	}
}
