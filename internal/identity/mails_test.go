package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/mail"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// fakeMailer keeps the mails of a test instead of sending them.
type fakeMailer struct {
	off   bool
	fails error
	mails []mail.Message
}

func (f *fakeMailer) Configured() bool { return !f.off }

func (f *fakeMailer) Send(_ context.Context, _ *store.Tx, m mail.Message) error {
	f.mails = append(f.mails, m)
	return f.fails
}

// TestInvitationsByMail: an invitation goes out in the inviter's language, its link is shown too; sent again it has
// another link and the one before no longer works; without a mail server only the link is shown.
func TestInvitationsByMail(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		s := New(db, clock.System, slog.New(slog.DiscardHandler))
		t.Cleanup(func() { _ = s.Close(context.Background()) })
		s.Page = func() string { return "https://parley.example.com" }
		mailer := &fakeMailer{}
		s.Mail = mailer
		in, err := s.Bootstrap(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		who := in.Owner
		who.Email, who.OrgName = "boss@example.com", "A & B\n\nhttps://evil.example {link}"
		api, err := httpapi.New(httpapi.Options{Routes: s.Routes(), Auth: fixed{who}, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		ask := func(path, lang, body string) (int, InviteObject) {
			t.Helper()
			r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Accept-Language", lang)
			rec := httptest.NewRecorder()
			api.ServeHTTP(rec, r)
			var o InviteObject
			if err := json.Unmarshal(rec.Body.Bytes(), &o); err != nil {
				t.Fatalf("%s: %v", rec.Body, err)
			}
			return rec.Code, o
		}
		code, o := ask("/v1/organization/invites", "ko-KR,ko;q=0.9,en;q=0.8", `{"email":"new@example.com","role":"admin"}`)
		if code != 200 || !o.Mailed || o.Link == "" || len(mailer.mails) != 1 {
			t.Fatalf("%d %+v %v", code, o, mailer.mails)
		}
		m := mailer.mails[0]
		if m.To != "new@example.com" || m.Lang != "ko" || m.Org != who.Org || !strings.Contains(m.Text, o.Link) || strings.Count(m.Text, o.Link) != 1 || !strings.Contains(m.Text, "관리자") ||
			strings.Contains(m.Text, "https://evil") || strings.Contains(m.Subject, "\n") {
			t.Errorf("%+v", m)
		}
		code, again := ask("/api/organization/invites/"+o.ID+"/resend", "fr", "")
		if code != 200 || !again.Mailed || again.Link == o.Link || mailer.mails[1].Lang != "en" || !strings.Contains(mailer.mails[1].Text, again.Link) || !strings.Contains(mailer.mails[1].Text, "boss@example.com invites you") {
			t.Fatalf("%d %+v %+v", code, again, mailer.mails)
		}
		token := func(o InviteObject) string { _, t, _ := strings.Cut(o.Link, "token="); return t }
		if _, err := s.Accept(t.Context(), token(o), actor.Actor{}); fault.KindOf(err) != fault.Unauthorized {
			t.Errorf("the link before: %v", err)
		}
		if _, err := s.Accept(t.Context(), token(again), actor.Actor{}); err != nil {
			t.Error(err)
		}
		if code, _ := ask("/api/organization/invites/"+o.ID+"/resend", "en", ""); code != 400 {
			t.Errorf("an accepted one was sent again: %d", code)
		}
		if code, _ := ask("/api/organization/invites/invite-none/resend", "en", ""); code != 404 {
			t.Errorf("one of nobody: %d", code)
		}

		mailer.fails = errors.New("the outbox is full")
		if code, _ := ask("/v1/organization/invites", "en", `{"email":"third@example.com","role":"member"}`); code != 500 {
			t.Errorf("%d", code)
		}
		if invites, _, err := s.Invites(t.Context(), who, store.Paging{}); err != nil || len(invites) != 1 {
			t.Errorf("an invitation whose mail was not queued is there: %v %v", invites, err)
		}
		mailer.off, mailer.fails = true, nil
		if code, o = ask("/v1/organization/invites", "en", `{"email":"third@example.com","role":"member"}`); code != 200 || o.Mailed || o.Link == "" {
			t.Errorf("%d %+v", code, o)
		}
	})
}

// TestInvitationsAreBounded: an organization does not write to one address, or to many, as often as it likes; what was refused left
// nothing behind; a day later it goes on. Operators have no bound for many.
func TestInvitationsAreBounded(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		clk := clock.NewFake(time.Date(2024, 1, 4, 12, 0, 0, 0, time.UTC))
		s := New(db, clk, slog.New(slog.DiscardHandler))
		t.Cleanup(func() { _ = s.Close(context.Background()) })
		mailer := &fakeMailer{}
		s.Mail = mailer
		in, err := s.Bootstrap(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		who := in.Owner
		who.Operator = false
		_, i, err := s.Invite(t.Context(), who, "ann@example.com", actor.Member, nil)
		if err != nil {
			t.Fatal(err)
		}
		var last string
		for range mailsToOne - 1 {
			if last, _, err = s.ResendInvite(t.Context(), who, i.ID); err != nil {
				t.Fatal(err)
			}
		}
		refused := func(err error) bool {
			return fault.KindOf(err) == fault.RateLimited && fault.As(err).Code == "too_many_invitations"
		}
		if _, _, err := s.ResendInvite(t.Context(), who, i.ID); !refused(err) {
			t.Errorf("once more: %v", err)
		}
		// Nor by another invitation, or another organization.
		if err := s.DeleteInvite(t.Context(), who, i.ID); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Invite(t.Context(), who, "ann@example.com", actor.Member, nil); !refused(err) {
			t.Errorf("another invitation: %v", err)
		}
		if invites, _, err := s.Invites(t.Context(), who, store.Paging{}); err != nil || len(invites) != 0 {
			t.Errorf("a refused one is there: %v %v", invites, err)
		}
		if _, _, err := s.CreateOrganization(t.Context(), "Second", "ann@example.com"); !refused(err) {
			t.Errorf("another organization: %v", err)
		}
		if len(mailer.mails) != mailsToOne || !strings.Contains(mailer.mails[mailsToOne-1].Text, last) {
			t.Errorf("%d mails", len(mailer.mails))
		}
		for n := range mailsOfOne - mailsToOne {
			if _, _, err := s.Invite(t.Context(), who, fmt.Sprintf("user%d@example.com", n), actor.Member, nil); err != nil {
				t.Fatal(n, err)
			}
		}
		if _, _, err := s.Invite(t.Context(), who, "bob@example.com", actor.Member, nil); !refused(err) {
			t.Errorf("to many: %v", err)
		}
		operator := who
		operator.Operator = true
		if _, _, err := s.Invite(t.Context(), operator, "bob@example.com", actor.Member, nil); err != nil {
			t.Errorf("the operator: %v", err)
		}
		clk.Advance(mailsWithin)
		if _, _, err := s.Invite(t.Context(), who, "ann@example.com", actor.Member, nil); err != nil {
			t.Errorf("a day later: %v", err)
		}
	})
}

// fixed lets every request act as one.
type fixed struct{ who actor.Actor }

func (f fixed) Authenticate(*http.Request) (actor.Actor, error) { return f.who, nil }
