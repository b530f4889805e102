package signin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
)

// policy is how tries of one kind are slowed: some are free, then each failure closes the door for a while, twice as long each time.
type policy struct {
	name        string
	free        int           // failures without a delay
	first, most time.Duration // the delays
	clear       bool          // a success forgets all failures, and not only the try itself
}

// The kinds. Guessing at one account is slowed most for the address that guesses: who knows somebody's address cannot lock them out of
// their own network. All addresses together have 20 free tries and then one in two minutes, 50 in an hour at most (ASVS 2.2.1 allows 100).
var (
	pairTries    = policy{"pair", 5, 5 * time.Second, 15 * time.Minute, true}
	accountTries = policy{"account", 20, 15 * time.Second, 2 * time.Minute, false}
	addressTries = policy{"address", 50, 5 * time.Second, 15 * time.Minute, false}
	codeTries    = policy{"code", 5, 15 * time.Second, 15 * time.Minute, true}
	resetTries   = policy{"reset", 3, 5 * time.Minute, 15 * time.Minute, false}
)

// forgetAfter is how long after its last failure a count goes.
const forgetAfter = time.Hour

// delay is how long the door is closed after so many failures.
func (p policy) delay(failures int) time.Duration {
	over := failures - p.free
	if over <= 0 {
		return 0
	}
	if over > 30 {
		return p.most
	}
	return min(p.first<<(over-1), p.most)
}

// try is one that is counted, for something: an account, an address.
type try struct {
	policy
	id string
}

// count makes a try. What is counted for is hashed: an address of an account that is none may be a password in the wrong field.
func count(p policy, parts ...string) try {
	h := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return try{p, p.name + ":" + hex.EncodeToString(h.Sum(nil)[:16])}
}

// network is what counts as one address: an IPv6 customer has a whole /64.
func network(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return ip
	}
	if a = a.Unmap().WithZone(""); a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}

// passwordTries are those that one try of a password is.
func passwordTries(email, ip string) []try {
	tries := []try{count(accountTries, email), count(pairTries, email, network(ip))}
	if ip != "" { // on the admin socket there is none
		tries = append(tries, count(addressTries, network(ip)))
	}
	return tries
}

// tooMany refuses a try until some time has passed. It tells nothing of whether there is such an account.
type tooMany struct {
	fault *fault.Error
	wait  time.Duration
}

func (e *tooMany) Error() string { return e.fault.Error() }

func (e *tooMany) Unwrap() error { return e.fault }

// ErrorType implements httpapi.Detailer.
func (e *tooMany) ErrorType() string { return "" }

// ErrorHeaders implements httpapi.Detailer.
func (e *tooMany) ErrorHeaders() map[string]string {
	return map[string]string{"Retry-After": strconv.Itoa(int((e.wait + time.Second - 1) / time.Second)), "X-Should-Retry": "false"}
}

func closed(wait time.Duration) error {
	seconds := int((wait + time.Second - 1) / time.Second)
	return &tooMany{fault.New(fault.RateLimited, "Too many tries. Please wait %d seconds, then try again.", seconds).WithCode("too_many_attempts"), wait}
}

// begin counts tries as failures before anything is looked at, or refuses them; succeed takes them back.
func (s *Service) begin(ctx context.Context, tries ...try) error {
	now := s.now()
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		if err := forgetTries(ctx, tx, now.Add(-forgetAfter)); err != nil {
			return err
		}
		var longest time.Duration
		for _, t := range tries {
			wait, err := t.begin(ctx, tx, now)
			if err != nil {
				return err
			}
			longest = max(longest, wait)
		}
		if longest > 0 {
			return closed(longest) // and none was counted: the transaction is undone
		}
		return nil
	})
}

func (s *Service) succeed(ctx context.Context, tx *store.Tx, tries ...try) error {
	for _, t := range tries {
		if err := t.succeed(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}
