package identity

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// TestPermissions: keys as the API makes them may what they say, and nothing else.
func TestPermissions(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		w := start(t, db)
		now := w.clock.Now().Unix()
		for _, tt := range []struct {
			body       string
			permission string
			scopes     string
			may, not   []string
		}{
			{`{"name":"a"}`, "all", "[*]", []string{actor.ChatWrite, actor.OrganizationOwn}, nil},
			{`{"permission":"all"}`, "all", "[*]", []string{actor.ChatWrite}, nil},
			{`{"permission":"read_only"}`, "read_only", "[*.read]", []string{actor.ModelsRead, actor.ChatsRead, actor.OrganizationRead}, []string{actor.ChatWrite, actor.KeysWrite, actor.OrganizationOwn}},
			{`{"permission":"restricted","permissions":{"chat":"write","models":"read","files":"none"}}`, "restricted", "[chat.* models.read]", []string{actor.ChatWrite, actor.ModelsRead, "chat.read"}, []string{actor.ModelsWrite, "files.read", actor.ChatsRead, actor.EmbeddingsWrite}},
			{`{"scopes":["embeddings.write"]}`, "restricted", "[embeddings.write]", []string{actor.EmbeddingsWrite}, []string{actor.ChatWrite, "embeddings.read"}},
		} {
			rec := post(t, w, w.owner, tt.body)
			var k APIKey
			if err := json.Unmarshal(rec.Body.Bytes(), &k); err != nil || rec.Code != 200 || k.Permission != tt.permission || fmt.Sprint(k.Scopes) != tt.scopes || k.Models != nil || k.ExpiresAt != nil {
				t.Errorf("%s: %d %s", tt.body, rec.Code, rec.Body)
				continue
			}
			who, err := w.Authenticate(bearer(k.Secret))
			if err != nil {
				t.Fatal(err)
			}
			for _, scope := range tt.may {
				if !who.May(scope) {
					t.Errorf("%s: may not %s", tt.body, scope)
				}
			}
			for _, scope := range tt.not {
				if who.May(scope) {
					t.Errorf("%s: may %s", tt.body, scope)
				}
			}
		}
		for _, body := range []string{`{"permission":"some"}`, `{"permission":"all","scopes":["chat.*"]}`, `{"permission":"restricted"}`, `{"permissions":{"chats":"read"}}`,
			`{"permissions":{"chat":"all"}}`, `{"permissions":{"chat":"none"}}`, `{"models":[""]}`, `{"models":["\u0000"]}`, fmt.Sprintf(`{"expires_at":%d}`, now), `{"expires_at":-1}`, `{"expires_at":99999999999999}`} {
			if rec := post(t, w, w.owner, body); rec.Code != 400 {
				t.Errorf("%s: %d %s", body, rec.Code, rec.Body)
			}
		}

		rec := post(t, w, w.owner, fmt.Sprintf(`{"models":["gpt-4"],"track_usage":true,"expires_at":%d}`, now+60))
		var k APIKey
		if err := json.Unmarshal(rec.Body.Bytes(), &k); err != nil || rec.Code != 200 || k.Models == nil || fmt.Sprint(*k.Models) != "[gpt-4]" || !k.TrackUsage || k.ExpiresAt == nil || *k.ExpiresAt != now+60 {
			t.Fatalf("%d %s", rec.Code, rec.Body)
		}
		who, err := w.Authenticate(bearer(k.Secret))
		if err != nil || !who.Track || !who.MayUse("gpt-4") || who.MayUse("davinci") {
			t.Fatalf("%+v %v", who, err)
		}
		// What a key makes is not more than itself.
		if rec := post(t, w, who, `{"models":["davinci"]}`); rec.Code != 403 {
			t.Errorf("%d %s", rec.Code, rec.Body)
		}
		if rec := post(t, w, who, `{}`); rec.Code != 200 || !strings.Contains(rec.Body.String(), `"models":["gpt-4"]`) {
			t.Errorf("%d %s", rec.Code, rec.Body)
		}
		w.clock.Advance(time.Minute)
		_, err = w.Authenticate(bearer(k.Secret))
		wants(t, "expired", err, fault.Unauthorized, "Incorrect API key")

		// A member's key says all, and is what the member is.
		ann := w.join(t, "ann@example.com", actor.Reader)
		rec = post(t, w, ann.Actor, `{}`)
		if rec.Code != 403 {
			t.Errorf("a reader makes a key: %d %s", rec.Code, rec.Body)
		}
	})
}

func post(t *testing.T, w *world, who actor.Actor, body string) *httptest.ResponseRecorder {
	t.Helper()
	return postTo(t, w, who, "/api/keys", body)
}

func postTo(t *testing.T, w *world, who actor.Actor, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	api, err := httpapi.New(httpapi.Options{Routes: w.Routes(), Auth: as{who}, Logger: slog.New(slog.DiscardHandler), Clock: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	rec := httptest.NewRecorder()
	api.ServeHTTP(rec, r)
	return rec
}
