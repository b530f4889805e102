package signin

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"image/png"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
)

// Time-based codes as every authenticator app makes them (RFC 6238): SHA-1, six digits, a new one every 30 seconds.
const (
	period   = 30
	digits   = otp.DigitsSix
	seedSize = 20 // bytes, as RFC 4226 recommends for SHA-1
	drift    = 1  // steps that an app's clock may be early or late
)

// Recovery codes stand in for the app, each once. 80 random bits: four groups of four letters and digits.
const (
	recoveryCodes = 10
	recoveryBytes = 10
)

// Enrolment is a second factor that is being set up.
type Enrolment struct {
	Secret string // for typing, in groups of four
	URI    string // otpauth://, which the picture holds
	QR     []byte // a PNG
}

// purpose is what a user's seed is sealed for.
func purpose(user string) string { return "second factor of " + user }

// newSeed makes a seed as apps take it, in base32.
func newSeed() string {
	raw := make([]byte, seedSize)
	_, _ = rand.Read(raw)
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw)
}

// enrolment shows a seed to its user.
func enrolment(seed, issuer, account string) (Enrolment, error) {
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(seed)
	if err != nil {
		return Enrolment{}, err
	}
	key, err := totp.Generate(totp.GenerateOpts{Issuer: issuer, AccountName: account, Period: period, Digits: digits, Algorithm: otp.AlgorithmSHA1, Secret: raw})
	if err != nil {
		return Enrolment{}, err
	}
	img, err := key.Image(300, 300)
	if err != nil {
		return Enrolment{}, err
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return Enrolment{}, err
	}
	return Enrolment{Secret: groups(seed), URI: key.URL(), QR: b.Bytes()}, nil
}

// groups writes letters in groups of four.
func groups(s string) string {
	var out []string
	for ; len(s) > 4; s = s[4:] {
		out = append(out, s[:4])
	}
	return strings.Join(append(out, s), "-")
}

// match returns the time step whose code it is, if it is one of now or of a step before or after, and whether it is newer than
// last: one that is not was used already, and a step of 0 is nobody's.
func match(code, seed string, last int64, now time.Time) (found int64, ok bool) {
	at := now.Unix() / period
	for step := at - drift; step <= at+drift; step++ {
		want, err := hotp.GenerateCodeCustom(seed, uint64(max(step, 0)), hotp.ValidateOpts{Digits: digits, Algorithm: otp.AlgorithmSHA1}) // #nosec G115 -- not negative
		if err == nil && !ok && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			found, ok = step, step > last
		}
	}
	return found, ok
}

// plainCode is a code without what people put between its letters.
func plainCode(code string) string {
	return strings.ToUpper(strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '\u00a0' {
			return -1
		}
		return r
	}, code))
}

// isTimed tells a code of an app from a recovery code.
func isTimed(code string) bool {
	return len(code) == digits.Length() && strings.Trim(code, "0123456789") == ""
}

// newRecoveryCodes makes codes and their hashes, which have one salt.
func (s *Service) newRecoveryCodes(ctx context.Context) (codes, hashes []string, err error) {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt)
	for range recoveryCodes {
		raw := make([]byte, recoveryBytes)
		_, _ = rand.Read(raw)
		code := base32.StdEncoding.EncodeToString(raw)
		sum, err := s.hash.derive(ctx, code, salt, s.hash.cost, hashSize)
		if err != nil {
			return nil, nil, err
		}
		codes, hashes = append(codes, groups(code)), append(hashes, phc{s.hash.cost, salt, sum}.String())
	}
	return codes, hashes, nil
}

// matchRecovery returns which of the hashes a recovery code is of; empty: none.
func (s *Service) matchRecovery(ctx context.Context, code string, hashes []string) (string, error) {
	found := ""
	var known phc
	for _, stored := range hashes {
		p, err := parsePHC(stored)
		if err != nil {
			return "", err
		}
		if known.params != p.params || !bytes.Equal(known.salt, p.salt) { // once for codes that were made together
			known = p
			if known.sum, err = s.hash.derive(ctx, code, p.salt, p.params, uint32(len(p.sum))); err != nil { // #nosec G115 -- parsePHC bounds it
				return "", err
			}
		}
		if subtle.ConstantTimeCompare(known.sum, p.sum) == 1 {
			found = stored
		}
	}
	return found, nil
}

// shown is a second factor that somebody showed, to be used up in the transaction that it is for. The zero value is that of a
// user who has none.
type shown struct {
	user     string
	refusal  fault.Kind // of a code that is not right
	step     int64      // of an app's code
	seed     string     // sealed, of which the code is
	recovery string     // hash of a recovery code
	tries    []try
}

func (f shown) strong() bool { return f.user != "" }

// secondFactor looks at a code of a user who may have a second factor, without using it up. A code that is not right is refused
// with a kind of error: Unauthorized where it is to sign in with, Invalid where somebody is signed in.
func (s *Service) secondFactor(ctx context.Context, who actor.Actor, code string, refusal fault.Kind) (shown, error) {
	f, err := s.factor(ctx, s.db.Read(), who.User)
	if err != nil || f.seed == "" {
		return shown{}, err
	}
	if code = plainCode(code); code == "" {
		return shown{}, fault.New(refusal, "Enter the code that your authenticator app shows, or one of your recovery codes.").WithCode("code_required")
	}
	out := shown{user: who.User, refusal: refusal, tries: []try{count(codeTries, who.User)}}
	if err := s.begin(ctx, out.tries...); err != nil {
		return shown{}, err
	}
	ok := false
	if isTimed(code) {
		seed, err := s.seal.Open(purpose(who.User), f.seed)
		if err != nil {
			return shown{}, fmt.Errorf("the seed of %s: %w", who.User, err)
		}
		out.seed = f.seed
		out.step, ok = match(code, string(seed), f.lastStep, s.clock.Now())
	} else if len(code) <= 2*recoveryBytes {
		hashes, err := s.recoveryHashes(ctx, s.db.Read(), who.User)
		if err != nil {
			return shown{}, err
		}
		if out.recovery, err = s.matchRecovery(ctx, code, hashes); err != nil {
			return shown{}, err
		}
		ok = out.recovery != ""
	}
	if ok {
		return out, nil
	}
	if out.step > 0 {
		// The code is right and was used: perhaps by somebody who looked over a shoulder.
		if err := s.db.Tx(ctx, func(tx *store.Tx) error { return s.notifyUser(ctx, tx, who, codeReused) }); err != nil {
			return shown{}, err
		}
	}
	return shown{}, s.failed(ctx, who, wrongCode(refusal))
}

func wrongCode(kind fault.Kind) *fault.Error {
	e := fault.New(kind, "This code is not right, or it was used already. Codes of an app change every 30 seconds: enter the one that it shows now, and see that the phone's clock is right.").WithCode("invalid_code")
	e.Param = "code"
	return e
}

// use uses a code up in the transaction that it lets happen: of two at once one gets nothing.
func (s *Service) use(ctx context.Context, tx *store.Tx, who actor.Actor, f shown) error {
	if !f.strong() {
		return nil
	}
	ok, err := s.useCode(ctx, tx, who, f)
	if err == nil && !ok {
		err = wrongCode(f.refusal)
	}
	if err != nil {
		return err
	}
	return s.succeed(ctx, tx, f.tries...)
}

// picture is a PNG as an address that pages can show.
func picture(b []byte) string { return "data:image/png;base64," + base64.StdEncoding.EncodeToString(b) }
