package identity

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// before returns the migrations as they were before one of them.
func before(t *testing.T, name string) fstest.MapFS {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "store", "migrations", "*.sql"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	out := fstest.MapFS{}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if base := filepath.Base(path); base < name {
			out[base] = &fstest.MapFile{Data: data}
		}
	}
	if len(out) == 0 {
		t.Fatalf("there is no migration before %s", name)
	}
	return out
}

// TestUpgradeFromOneOrganization: a database as the version wrote it whose users belonged to one
// organization opens with its owner, keys and sessions as they were.
func TestUpgradeFromOneOrganization(t *testing.T) {
	storetest.RunURL(t, func(t *testing.T, url string) {
		old, err := store.Open(context.Background(), url, store.Options{Migrations: before(t, "0041_organization.sql")})
		if err != nil {
			t.Fatal(err)
		}
		secret, revoked, session, link := "sk-"+strings.Repeat("a", 48), "sk-"+strings.Repeat("b", 48), "ps-"+strings.Repeat("c", 48), strings.Repeat("d", 32)
		for _, row := range []struct {
			statement string
			args      []any
		}{
			{`INSERT INTO organizations (id, name, created_at) VALUES ('org-1', 'personal', 1000)`, nil},
			{`INSERT INTO projects (id, org_id, name, created_at) VALUES ('proj_1', 'org-1', 'Default project', 1000), ('proj_2', 'org-1', 'Two', 2000)`, nil},
			{`INSERT INTO users (id, org_id, project_id, name, role, created_at) VALUES ('user-1', 'org-1', 'proj_1', 'Owner', 'owner', 1000)`, nil},
			{`INSERT INTO api_keys (id, org_id, project_id, user_id, name, hash, redacted, scopes, created_at, last_used_at) VALUES ('key_1', 'org-1', 'proj_1', 'user-1', 'first key', $1, 'sk-aa…aaaa', '["*"]', 1000, 5000)`, []any{sum(secret).String()}},
			{`INSERT INTO api_keys (id, org_id, project_id, user_id, name, hash, redacted, scopes, created_at, revoked_at) VALUES ('key_2', 'org-1', 'proj_1', 'user-1', 'old', $1, 'sk-bb…bbbb', '["*"]', 1000, 2000)`, []any{sum(revoked).String()}},
			{`INSERT INTO sessions (id, org_id, project_id, user_id, hash, created_at, expires_at) VALUES ('sess_1', 'org-1', 'proj_1', 'user-1', $1, 1000, $2)`, []any{sum(session).String(), time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC).UnixMilli()}},
			{`INSERT INTO signin_links (id, org_id, project_id, user_id, hash, created_at, expires_at) VALUES ('link_1', 'org-1', 'proj_1', 'user-1', $1, 1000, $2)`, []any{sum(link).String(), time.Date(2024, 2, 1, 0, 0, 0, 0, time.UTC).UnixMilli()}},
		} {
			if _, err := old.Exec(t.Context(), row.statement, row.args...); err != nil {
				t.Fatalf("%s: %v", row.statement, err)
			}
		}
		if err := old.Close(); err != nil {
			t.Fatal(err)
		}

		w := start(t, storetest.Open(t, url, store.Options{}))
		if o := w.owner; o.User != "user-1" || o.Org != "org-1" || o.Project != "proj_1" || o.Role != "owner" {
			t.Errorf("the owner: %+v", o)
		}
		for what, r := range map[string]string{"key": secret, "session": session} {
			req := bearer(r)
			if what == "session" {
				req = cookie(r)
			}
			if who, err := w.Authenticate(req); err != nil || who.User != "user-1" || who.Project != "proj_1" || !who.May("any.thing") {
				t.Errorf("%s: %+v %v", what, who, err)
			}
		}
		if _, err := w.Authenticate(bearer(revoked)); err == nil {
			t.Error("a revoked key lives again")
		}
		if s, err := w.signIn(t.Context(), link); err != nil || s.Actor.User != "user-1" {
			t.Errorf("the link: %+v %v", s.Actor, err)
		}
		keys, _, err := w.ListKeys(t.Context(), w.owner, store.Paging{})
		if err != nil || len(keys) != 1 || keys[0].Name != "first key" || keys[0].Created.UnixMilli() != 1000 || keys[0].Models != nil {
			t.Errorf("%+v %v", keys, err)
		}
		users, _, err := w.ProjectUsers(t.Context(), w.owner, "proj_1", store.Paging{})
		if err != nil || len(users) != 1 || users[0].Role != "owner" {
			t.Errorf("%+v %v", users, err)
		}
		if _, err := w.ArchiveProject(t.Context(), w.owner, "proj_2"); err != nil {
			t.Error(err)
		}
		if _, err := w.ArchiveProject(t.Context(), w.owner, "proj_1"); err == nil {
			t.Error("the default project was archived")
		}
	})
}
