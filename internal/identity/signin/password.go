package signin

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/ccojocar/zxcvbn-go"
	"golang.org/x/crypto/argon2"
	"golang.org/x/sync/semaphore"

	"github.com/parley-ai/parley/internal/fault"
)

// Lengths of passwords. OWASP ASVS 4.0.3, 2.1.1 and 2.1.2: 12 characters at least, 128 at most or more; bytes are bounded, so that
// nobody has us read megabytes.
const (
	MinPassword = 12   // characters
	MaxPassword = 1024 // bytes
)

// params are what a hash costs.
type params struct {
	memory  uint32 // KiB
	time    uint32 // passes
	threads uint8
}

// current is OWASP's minimum for argon2id (Password Storage Cheat Sheet: 19 MiB, two passes, one lane). Hashes that cost less are
// made anew when their password is given.
var current = params{memory: 19 * 1024, time: 2, threads: 1}

const (
	saltSize = 16
	hashSize = 32
)

// maxParams bounds what a stored hash may ask of us: the table is ours, and a damaged row should be an error and no outage.
var maxParams = params{memory: 1 << 20, time: 16, threads: 16}

// hasher computes hashes, few at a time: each takes all of its memory at once.
type hasher struct {
	turn    *semaphore.Weighted
	waiting atomic.Int64
	cost    params
}

// maxWaiting bounds those who wait for a hash.
const maxWaiting = 200

func newHasher() *hasher {
	return &hasher{turn: semaphore.NewWeighted(int64(max(2, runtime.NumCPU()))), cost: current}
}

// derive is argon2id in its turn.
func (h *hasher) derive(ctx context.Context, secret string, salt []byte, p params, size uint32) ([]byte, error) {
	defer h.waiting.Add(-1)
	if h.waiting.Add(1) > maxWaiting {
		return nil, fault.New(fault.Overloaded, "Too many people sign in right now. Please try again in a moment.")
	}
	if err := h.turn.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer h.turn.Release(1)
	return argon2.IDKey([]byte(secret), salt, p.time, p.memory, p.threads, size), nil
}

// hash returns a secret's hash in PHC string form: $argon2id$v=19$m=19456,t=2,p=1$SALT$HASH.
func (h *hasher) hash(ctx context.Context, secret string) (string, error) {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // it never fails: crypto/rand ends the program instead
	sum, err := h.derive(ctx, secret, salt, h.cost, hashSize)
	if err != nil {
		return "", err
	}
	return phc{h.cost, salt, sum}.String(), nil
}

// verify reports whether a secret is the hash's, and whether the hash is to be made anew because it costs less than those of today.
// An empty hash is nobody's: it takes as long as any other.
func (h *hasher) verify(ctx context.Context, secret, stored string) (ok, stale bool, err error) {
	p := phc{params: h.cost, salt: make([]byte, saltSize), sum: make([]byte, hashSize)}
	if stored != "" {
		if p, err = parsePHC(stored); err != nil {
			return false, false, err
		}
	}
	sum, err := h.derive(ctx, secret, p.salt, p.params, uint32(len(p.sum))) // #nosec G115 -- parsePHC bounds it
	if err != nil {
		return false, false, err
	}
	ok = subtle.ConstantTimeCompare(sum, p.sum) == 1 && stored != ""
	return ok, p.memory < h.cost.memory || p.time < h.cost.time, nil
}

// phc is a hash with what it takes to compute it again.
type phc struct {
	params
	salt, sum []byte
}

func (p phc) String() string {
	b := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.memory, p.time, p.threads, b.EncodeToString(p.salt), b.EncodeToString(p.sum))
}

var errPHC = errors.New("signin: a stored hash is damaged")

func parsePHC(text string) (p phc, err error) {
	part := strings.Split(text, "$")
	if len(part) != 6 || part[0] != "" || part[1] != "argon2id" || part[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return p, errPHC
	}
	if _, err := fmt.Sscanf(part[3], "m=%d,t=%d,p=%d", &p.memory, &p.time, &p.threads); err != nil {
		return p, errPHC
	}
	if p.threads < 1 || p.threads > maxParams.threads || p.time < 1 || p.time > maxParams.time || p.memory < 8*uint32(p.threads) || p.memory > maxParams.memory {
		return p, errPHC
	}
	b := base64.RawStdEncoding.Strict()
	if p.salt, err = b.DecodeString(part[4]); err != nil || len(p.salt) < 8 || len(p.salt) > 64 {
		return p, errPHC
	}
	if p.sum, err = b.DecodeString(part[5]); err != nil || len(p.sum) < 16 || len(p.sum) > 64 || p.String() != text {
		return p, errPHC
	}
	return p, nil
}

// minScore is zxcvbn's score of what is good enough: 3, "safely unguessable: moderate protection from offline slow-hash scenario".
const minScore = 3

// maxScored is how much of a password is scored: scoring takes the square of the length, and who gives so much need not be scored further.
const maxScored = 64

// spaces are several in a row, which count as one character and are kept as they are.
var spaces = regexp.MustCompile(` {2,}`)

// checkPassword says what is wrong with a new password. Any characters will do, and there are no rules of how many of which
// (ASVS 2.1.9); common passwords, words, dates, runs of keys, and what is known of the user do not make it long.
func checkPassword(param, password string, known ...string) error {
	switch n := utf8.RuneCountInString(spaces.ReplaceAllString(password, " ")); {
	case password == "":
		return fault.Param(param, "Missing required parameter: '%s'.", param).WithCode("missing_required_parameter")
	case n < MinPassword:
		return fault.Param(param, "The password is too short: it needs at least %d characters. A few random words are easy to remember.", MinPassword).WithCode("password_too_short")
	case len(password) > MaxPassword:
		return fault.Param(param, "The password is too long: it may have at most %d bytes.", MaxPassword).WithCode("password_too_long")
	case score(password, known) < minScore:
		return fault.Param(param, "The password is easy to guess: it is common, or made of common words, names, dates or runs of keys. A few random words make a good one.").WithCode("password_too_common")
	}
	return nil
}

// score is zxcvbn's, from 0 to 4.
func score(password string, known []string) int {
	var parts []string
	for _, k := range known {
		parts = append(parts, strings.FieldsFunc(strings.ToLower(k), func(r rune) bool { return strings.ContainsRune("@.-_+ ", r) })...)
	}
	head := password
	if len(head) > maxScored {
		head = strings.ToValidUTF8(head[:maxScored], "")
	}
	return zxcvbn.PasswordStrength(head, parts).Score
}
