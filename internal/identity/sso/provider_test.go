package sso

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"
)

const (
	clientID     = "parley"
	clientSecret = "hunter2-of-the-client"
)

// fakeProvider is a provider of identities for tests: it knows one person at a time, whom everybody who comes
// is, signs real tokens, and does wrong what a test asks for. It shows no page and checks no password.
type fakeProvider struct {
	*httptest.Server
	rsa   *rsa.PrivateKey
	ec    *ecdsa.PrivateKey
	other *rsa.PrivateKey // not in its key set

	mu       sync.Mutex
	alg      string         // RS256, ES256, none, HS256 (with the public key as its secret), stranger
	claims   map[string]any // of the person
	userinfo map[string]any // nil: there is none
	change   func(claims map[string]any)
	codes    map[string]url.Values // unused codes, with the request that each is for
	asked    int                   // token requests
	down     bool
}

func newFakeProvider(t *testing.T) *fakeProvider {
	t.Helper()
	f := &fakeProvider{alg: "RS256", codes: map[string]url.Values{}, claims: map[string]any{}}
	var err error
	if f.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	if f.other, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	if f.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		d := map[string]any{"issuer": f.URL, "authorization_endpoint": f.URL + "/authorize", "token_endpoint": f.URL + "/token", "jwks_uri": f.URL + "/keys",
			"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256", "ES256", "HS256", "none"}}
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.userinfo != nil {
			d["userinfo_endpoint"] = f.URL + "/userinfo"
		}
		if f.down {
			http.Error(w, "down", http.StatusBadGateway)
			return
		}
		f.json(w, d)
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		e := base64.RawURLEncoding.EncodeToString
		f.json(w, map[string]any{"keys": []any{
			map[string]any{"kty": "RSA", "kid": "r", "use": "sig", "alg": "RS256", "n": e(f.rsa.N.Bytes()), "e": e(big.NewInt(int64(f.rsa.E)).Bytes())},
			map[string]any{"kty": "EC", "kid": "e", "use": "sig", "alg": "ES256", "crv": "P-256", "x": e(f.ec.X.FillBytes(make([]byte, 32))), "y": e(f.ec.Y.FillBytes(make([]byte, 32)))},
		}})
	})
	mux.HandleFunc("/token", f.token)
	mux.HandleFunc("/userinfo", func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if r.Header.Get("Authorization") != "Bearer access" {
			http.Error(w, "who?", http.StatusUnauthorized)
			return
		}
		f.json(w, f.userinfo)
	})
	f.Server = httptest.NewServer(mux)
	t.Cleanup(f.Close)
	return f
}

func (f *fakeProvider) json(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// is makes the provider vouch for a person.
func (f *fakeProvider) is(claims map[string]any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.claims = claims
}

// authorize is what the provider's page does when the person agrees: it makes a code and sends the browser back.
func (f *fakeProvider) authorize(t *testing.T, address string) (back string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if u.Path != "/authorize" || q.Get("response_type") != "code" || q.Get("client_id") != clientID || q.Get("code_challenge_method") != "S256" || len(q.Get("state")) < 20 || len(q.Get("nonce")) < 20 {
		t.Fatalf("an odd request: %s", address)
	}
	code := base64.RawURLEncoding.EncodeToString([]byte(q.Get("state")))
	f.mu.Lock()
	f.codes[code] = q
	f.mu.Unlock()
	return q.Get("redirect_uri") + "?" + url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {f.URL}}.Encode()
}

func (f *fakeProvider) token(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	id, secret, _ := r.BasicAuth()
	q, ok := f.codes[r.FormValue("code")]
	delete(f.codes, r.FormValue("code")) // once
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	if !ok || id != clientID || secret != clientSecret || q.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) || r.FormValue("redirect_uri") != q.Get("redirect_uri") {
		w.WriteHeader(http.StatusBadRequest)
		f.json(w, map[string]any{"error": "invalid_grant"})
		return
	}
	claims := map[string]any{"iss": f.URL, "aud": clientID, "nonce": q.Get("nonce"), "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix()}
	for k, v := range f.claims {
		claims[k] = v
	}
	if f.change != nil {
		f.change(claims)
	}
	f.json(w, map[string]any{"access_token": "access", "token_type": "Bearer", "expires_in": 60, "id_token": f.sign(claims)})
}

// sign makes a JWT (RFC 7515) with the algorithm that the test asked for.
func (f *fakeProvider) sign(claims map[string]any) string {
	e := base64.RawURLEncoding.EncodeToString
	header := map[string]any{"alg": f.alg, "kid": "r"}
	switch f.alg {
	case "ES256":
		header["kid"] = "e"
	case "stranger":
		header["alg"] = "RS256"
	}
	h, _ := json.Marshal(header)
	c, _ := json.Marshal(claims)
	text := e(h) + "." + e(c)
	sum := sha256.Sum256([]byte(text))
	var signature []byte
	switch f.alg {
	case "RS256":
		signature, _ = rsa.SignPKCS1v15(rand.Reader, f.rsa, crypto.SHA256, sum[:])
	case "stranger":
		signature, _ = rsa.SignPKCS1v15(rand.Reader, f.other, crypto.SHA256, sum[:])
	case "ES256":
		r, s, _ := ecdsa.Sign(rand.Reader, f.ec, sum[:])
		signature = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	case "HS256":
		m := hmac.New(sha256.New, f.rsa.N.Bytes())
		m.Write([]byte(text))
		signature = m.Sum(nil)
	}
	return text + "." + e(signature)
}
