package sso

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/identity"
	"github.com/parley-ai/parley/internal/ids"
)

// purpose is what flows are sealed for.
const purpose = "sso flow"

// flow is what a browser brings back to finish a sign-in.
type flow struct {
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
	Next     string `json:"next"`
	User     string `json:"user,omitempty"` // who links an identity to their account, and in which session
	Session  string `json:"session,omitempty"`
	Expires  int64  `json:"expires"` // seconds since 1970
}

// Start begins a flow: where the browser is to go, and what it is to bring back. next is where it goes in the
// end; link is who wants to link an identity, the zero Actor for a sign-in.
func (s *Service) Start(ctx context.Context, next string, link actor.Actor) (address, sealed string, err error) {
	defer fault.Wrap(&err, "sso.Start")
	if !s.Configured() {
		return "", "", notConfigured()
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	p, err := s.ask(ctx)
	if err != nil {
		return "", "", err
	}
	f := flow{State: ids.Random(32), Nonce: ids.Random(32), Verifier: oauth2.GenerateVerifier(), Next: local(next), User: link.User, Session: link.Session,
		Expires: s.now().Add(flowLifetime).Unix()}
	data, err := json.Marshal(f)
	if err != nil {
		return "", "", err
	}
	address = s.oauth(p).AuthCodeURL(f.State, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier))
	return address, base64.RawURLEncoding.EncodeToString([]byte(s.seal.Seal(purpose, data))), nil
}

// open reads a flow, or refuses one that is not ours, is over, or does not belong to the answer.
func (s *Service) open(sealed string, answer url.Values) (f flow, err error) {
	over := fault.New(fault.Invalid, "This sign-in was not begun in this browser, was finished already, or took too long. Begin again.").WithCode("sso_state")
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil || sealed == "" {
		return f, over
	}
	data, err := s.seal.Open(purpose, string(raw))
	if err != nil {
		return f, over
	}
	if err := json.Unmarshal(data, &f); err != nil {
		return f, over
	}
	if s.now().Unix() >= f.Expires || subtle.ConstantTimeCompare([]byte(f.State), []byte(answer.Get("state"))) != 1 {
		return flow{Next: f.Next}, over
	}
	return f, nil
}

// person is whom the provider vouches for.
type person struct {
	Subject  string
	Email    string // in small letters
	Verified bool
	Name     string
	Groups   []string
	Session  string // what the provider calls its session; empty: it does not say
}

// redeem exchanges the answer's code and checks what comes for it.
func (s *Service) redeem(ctx context.Context, f flow, answer url.Values) (person, error) {
	bad := func(err error) (person, error) {
		return person{}, fault.New(fault.Unauthorized, "The provider of single sign-on sent what cannot be trusted. Begin again; if it stays so, tell whoever runs this server.").WithCode("sso_token").WithCause(err)
	}
	if e := answer.Get("error"); e != "" {
		return person{}, fault.New(fault.Unauthorized, "The provider of single sign-on refused the sign-in.").WithCode("sso_denied").WithCause(causeText(e + ": " + answer.Get("error_description")))
	}
	// RFC 9207: an answer that says whose it is must be the provider's.
	if iss := answer.Get("iss"); iss != "" && iss != s.cfg.Issuer {
		return bad(causeText("the answer is by another issuer"))
	}
	ctx, cancel := context.WithTimeout(s.client(ctx), patience)
	defer cancel()
	p, err := s.ask(ctx)
	if err != nil {
		return person{}, err
	}
	token, err := s.oauth(p).Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(f.Verifier))
	if err != nil {
		return bad(err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return bad(causeText("the answer has no ID token"))
	}
	verified, err := p.Verifier(&oidc.Config{ClientID: s.cfg.ClientID, SupportedSigningAlgs: algorithms, Now: s.clock.Now}).Verify(ctx, raw)
	if err != nil {
		return bad(err)
	}
	if subtle.ConstantTimeCompare([]byte(verified.Nonce), []byte(f.Nonce)) != 1 {
		return bad(causeText("the ID token has another nonce"))
	}
	if verified.Subject == "" || len(verified.Subject) > 255 || !identity.Storable(verified.Subject) {
		return bad(causeText("the ID token has no subject"))
	}
	if verified.AccessTokenHash != "" {
		if err := verified.VerifyAccessToken(token.AccessToken); err != nil {
			return bad(err)
		}
	}
	claims := map[string]json.RawMessage{}
	if err := verified.Claims(&claims); err != nil {
		return bad(err)
	}
	if len(verified.Audience) > 1 && text(claims["azp"]) != s.cfg.ClientID {
		return bad(causeText("the ID token is for another client"))
	}
	if err := s.complete(ctx, p, token, verified.Subject, claims); err != nil {
		return bad(err)
	}
	return s.personOf(verified.Subject, claims), nil
}

// complete asks userinfo for what the ID token does not say.
func (s *Service) complete(ctx context.Context, p *oidc.Provider, token *oauth2.Token, subject string, claims map[string]json.RawMessage) error {
	missing := claims["email"] == nil || s.cfg.GroupsClaim != "" && dig(claims, s.cfg.GroupsClaim) == nil
	if !missing || p.UserInfoEndpoint() == "" {
		return nil
	}
	info, err := p.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return err
	}
	if info.Subject != subject {
		return causeText("userinfo is about somebody else")
	}
	more := map[string]json.RawMessage{}
	if err := info.Claims(&more); err != nil {
		return err
	}
	// The address and whether it is verified come from one place.
	if claims["email"] == nil {
		claims["email_verified"] = more["email_verified"]
	}
	for name, v := range more {
		if claims[name] == nil && name != "email_verified" {
			claims[name] = v
		}
	}
	return nil
}

func (s *Service) personOf(subject string, claims map[string]json.RawMessage) person {
	verified := text(claims["email_verified"]) == "true" || string(claims["email_verified"]) == "true"
	sid := text(claims["sid"])
	if len(sid) > maxSession || !identity.Storable(sid) {
		sid = ""
	}
	out := person{Session: sid, Subject: subject, Email: strings.ToLower(text(claims["email"])), Verified: verified, Name: text(claims["name"])}
	if out.Name == "" {
		out.Name = text(claims["preferred_username"])
	}
	if s.cfg.GroupsClaim != "" {
		out.Groups = groups(dig(claims, s.cfg.GroupsClaim))
	}
	return out
}

// dig returns a member by its name or, where there is none, by a path with dots.
func dig(claims map[string]json.RawMessage, path string) json.RawMessage {
	if v, ok := claims[path]; ok {
		return v
	}
	first, rest, ok := strings.Cut(path, ".")
	if !ok {
		return nil
	}
	inner := map[string]json.RawMessage{}
	if json.Unmarshal(claims[first], &inner) != nil {
		return nil
	}
	return dig(inner, rest)
}

// groups reads a list of names, or one.
func groups(raw json.RawMessage) []string {
	var list []string
	if json.Unmarshal(raw, &list) != nil {
		if one := text(raw); one != "" {
			list = []string{one}
		}
	}
	return list[:min(len(list), maxGroups)]
}

// text reads a string; empty when it is none.
func text(raw json.RawMessage) (s string) {
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// local returns where a browser may be sent in the end: a path of this server, or its beginning.
func local(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") ||
		strings.ContainsAny(next, "\\") || strings.ContainsFunc(next, func(r rune) bool { return r < ' ' || r == 0x7f }) || len(next) > 2000 ||
		strings.HasPrefix(u.Path, "//") || strings.HasPrefix(u.Path, "/api/") || strings.HasPrefix(u.Path, startPath) {
		return "/"
	}
	return next
}

type causeText string

func (c causeText) Error() string { return string(c) }

// until is how long a flow's cookie lives.
func until() int { return int(flowLifetime / time.Second) }
