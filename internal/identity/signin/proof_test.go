package signin

import (
	"strings"
	"testing"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// TestNoPasswordToShow: who has no password changes what decides who can sign in soon after signing in alone; a session that was left
// open, or stolen, does not do.
func TestNoPasswordToShow(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		c := w.client()
		c.link(w.owner, "200")
		w.clock.Advance(FreshFor)
		if a := c.ask("GET", "/api/account", "", "200"); a["fresh"] != false || a["password_set_at"] != nil {
			t.Errorf("%v", a)
		}
		for _, act := range [][3]string{
			{"PUT", "/api/account/password", `{"password":"` + password + `"}`},
			{"POST", "/api/account", `{"email":"thief@example.com"}`},
			{"POST", "/api/account/second-factor", `{}`},
		} {
			c.ask(act[0], act[1], act[2], "403 fresh_signin_required")
		}
		if err := w.Prove(t.Context(), actor.Actor{Org: w.owner.Org, User: w.owner.User, Session: session(t, c)}, ""); err == nil || !strings.Contains(err.Error(), "Sign in anew") {
			t.Errorf("%v", err)
		}
		// Its name decides nothing.
		c.ask("POST", "/api/account", `{"name":"Ann"}`, "200")
		c.link(w.owner, "200")
		c.ask("PUT", "/api/account/password", `{"password":"`+password+`"}`, "200")
	})
}

// session is the id of the client's.
func session(t *testing.T, c *client) string {
	t.Helper()
	for _, s := range c.ask("GET", "/api/account/sessions", "", "200")["data"].([]any) {
		if s := s.(map[string]any); s["current"] == true {
			return s["id"].(string)
		}
	}
	t.Fatal("no session")
	return ""
}

// TestConfirmAddress: an address that was set while there was no mail is not shown to be its user's until a link that went there was opened.
func TestConfirmAddress(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		c := w.ann()
		if a := c.ask("POST", "/api/account", `{"email":"ann@example.com"}`, "200"); a["email_verified_at"] != nil || a["mail_sent"] != false {
			t.Errorf("without mail: %v", a)
		}
		w.mail.on = true
		if a := c.ask("POST", "/api/account", `{"name":"Ann B"}`, "200"); a["mail_sent"] != false || len(w.mail.sent) != 0 {
			t.Errorf("a name alone: %v", a)
		}
		if a := c.ask("POST", "/api/account", `{"email":"ann@example.com"}`, "200"); a["mail_sent"] != true || len(w.mail.sent) != 1 || w.mail.sent[0].To != address {
			t.Fatalf("%v %v", a, w.mail.sent)
		}
		_, rest, _ := strings.Cut(w.mail.sent[0].Text, "/account?confirm=")
		link, _, _ := strings.Cut(rest, "\n")
		if a := c.ask("POST", "/api/account/email", `{"token":"`+link+`"}`, "200"); a["email_verified_at"] == nil || a["email"] != address {
			t.Errorf("%v", a)
		}
		if _, all := w.lines(); !strings.Contains(all, `{"email_verified":true}`) {
			t.Errorf("%s", all)
		}
		if a := c.ask("POST", "/api/account", `{"email":"ann@example.com"}`, "200"); a["mail_sent"] != false || len(w.mail.sent) != 1 {
			t.Errorf("once more: %v", a)
		}
		// Set without mail, another one is not shown to be theirs.
		w.mail.on = false
		if a := c.ask("POST", "/api/account", `{"email":"a2@example.com"}`, "200"); a["email_verified_at"] != nil || a["email"] != "a2@example.com" {
			t.Errorf("%v", a)
		}
	})
}

// TestWhereLinksLead: a page can say whose account a link opens before it uses it, to nobody but who has the link, and without using it up.
func TestWhereLinksLead(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		w.ann()
		c := w.client()
		describe := func(token, want string) map[string]any {
			t.Helper()
			return c.ask("POST", "/api/session/link", `{"token":"`+token+`"}`, want)
		}
		invite, _, err := w.ids.Invite(t.Context(), w.owner, "bob@example.com", actor.Member, nil)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if l := describe(invite, "200"); l["kind"] != "invite" || l["email"] != "bob@example.com" || l["operator"] != false || l["organization"] == "" {
				t.Errorf("%v", l)
			}
		}
		bob := w.client()
		me := bob.ask("POST", "/api/session", `{"token":"`+invite+`"}`, "200")
		describe(invite, "401 invalid_invite")
		token, err := w.ids.SignInLink(t.Context(), actor.Actor{Org: w.owner.Org, User: me["user"].(map[string]any)["id"].(string)})
		if err != nil {
			t.Fatal(err)
		}
		if l := describe(token, "200"); l["kind"] != "signin" || l["email"] != "bob@example.com" || l["name"] != "bob" || l["operator"] != false {
			t.Errorf("%v", l)
		}
		c.ask("POST", "/api/session", `{"token":"`+token+`"}`, "200")
		describe(token, "401 invalid_signin_link")
		describe("", "400 missing_required_parameter")
		describe(strings.Repeat("x", 500), "401 invalid_signin_link")
		if token, err = w.ids.SignInLink(t.Context(), w.owner); err != nil {
			t.Fatal(err)
		}
		if l := describe(token, "200"); l["operator"] != true {
			t.Errorf("the operator's: %v", l)
		}
	})
}
