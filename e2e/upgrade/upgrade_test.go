package upgrade

import (
	"context"
	"database/sql"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/parley-ai/parley/e2e/internal/binary"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// fixture is one build's home on one database, unpacked for one test.
type fixture struct {
	home string
	db   string // the setting; empty: SQLite in the home
	want want
}

// forEach runs f for every fixture and database that has the file.
func forEach(t *testing.T, file string, f func(t *testing.T, dir string)) {
	t.Helper()
	binary.Path(t)
	all, err := filepath.Glob("testdata/*.tar.zst")
	if err != nil || len(all) == 0 {
		t.Fatalf("fixtures: %v, %v", all, err)
	}
	for _, path := range all {
		for _, db := range []string{"sqlite", "postgres"} {
			t.Run(strings.TrimSuffix(filepath.Base(path), ".tar.zst")+"/"+db, func(t *testing.T) {
				dir := t.TempDir()
				unpack(t, path, dir)
				dir = filepath.Join(dir, db)
				if _, err := os.Stat(filepath.Join(dir, file)); os.IsNotExist(err) {
					t.Skipf("this build left no %s", file)
				}
				f(t, dir)
			})
		}
	}
}

func wanted(t *testing.T, dir string) (w want) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "want.json"))
	if err != nil {
		t.Fatal(err)
	}
	decode(t, data, &w)
	return w
}

// restore makes a copy of a fixture: a home, and a schema where it was on PostgreSQL.
func restore(t *testing.T, dir string) fixture {
	t.Helper()
	f := fixture{home: filepath.Join(t.TempDir(), "home"), want: wanted(t, dir)}
	if err := os.CopyFS(f.home, os.DirFS(filepath.Join(dir, "home"))); err != nil {
		t.Fatal(err)
	}
	dump, err := os.ReadFile(filepath.Join(dir, "database.sql"))
	if os.IsNotExist(err) {
		return f
	}
	if err != nil {
		t.Fatal(err)
	}
	f.db = storetest.Postgres(t)
	conn, err := pgx.Connect(t.Context(), f.db)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	if _, err := conn.PgConn().Exec(t.Context(), string(dump)).ReadAll(); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f fixture) server(t *testing.T) *binary.Server {
	t.Helper()
	return binary.In(t, binary.Path(t), f.home, f.db, upstream(t), "OLLAMA_HOST=127.0.0.1:1")
}

// The newest program opens the homes of earlier ones, with everything in them, as often as it likes.
func TestUpgrade(t *testing.T) {
	forEach(t, "home", func(t *testing.T, dir string) {
		f := restore(t, dir)
		s := f.server(t)
		for range 2 {
			s.Launch()
			check(t, s, &f.want)
			s.Stop()
		}
	})
}

// Wherever the first start of the newest program is killed, the next one opens the home, with everything in it.
func TestUpgradeKilled(t *testing.T) {
	forEach(t, "home", func(t *testing.T, dir string) {
		f := restore(t, dir)
		first := f.migrations(t)
		s := f.server(t)
		s.Launch()
		s.Stop()
		all := f.migrations(t)
		if all == first {
			t.Skip("this build has the tables of today")
		}
		within := 0
		for _, part := range []int{1, 4, 8, 12, 16} {
			for range 5 { // a start that got further than that before it was killed is tried again
				f := restore(t, dir)
				s := f.server(t)
				stop := first + (all-first)*part/16
				s.Begin()
				for begun := time.Now(); f.migrations(t) < max(stop, first+1); {
					if time.Since(begun) > time.Minute {
						t.Fatalf("no migration within a minute:\n%s", s.Log())
					}
				}
				s.Kill()
				had := f.migrations(t)
				s.Launch()
				check(t, s, &f.want)
				s.Stop()
				if had < all {
					within++
				}
				if had < all || part == 16 {
					break
				}
			}
		}
		if within == 0 {
			t.Error("no start was killed between two migrations")
		}
		t.Logf("%d of 5 were killed between migration %d and %d", within, first, all)
	})
}

// migrations counts those that a database has. What cannot be read now counts as none.
func (f fixture) migrations(t *testing.T) (n int) {
	t.Helper()
	const query = `SELECT COUNT(*) FROM goose_db_version`
	if f.db != "" {
		conn, err := pgx.Connect(t.Context(), f.db)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.WithoutCancel(t.Context()))
		if err := conn.QueryRow(t.Context(), query).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(f.home, "parley.db")+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil && !strings.Contains(err.Error(), "locked") && !strings.Contains(err.Error(), "busy") {
		t.Fatal(err)
	}
	return n
}

// Backups of earlier programs become homes of the newest, on either database.
func TestRestoreOldBackup(t *testing.T) {
	forEach(t, "parley.backup", func(t *testing.T, dir string) {
		for _, to := range []string{"sqlite", "postgres"} {
			t.Run("to "+to, func(t *testing.T) {
				f := fixture{home: filepath.Join(t.TempDir(), "home"), want: wanted(t, dir)}
				if to == "postgres" {
					f.db = storetest.Postgres(t)
				}
				f.want.Interrupted = "" // it began after the backup
				s := f.server(t)
				s.Run("restore", filepath.Join(dir, "parley.backup"))
				// The configuration is not in a backup.
				config, err := os.ReadFile(filepath.Join(dir, "home", "config.yaml"))
				if err != nil {
					t.Fatal(err)
				}
				write(t, filepath.Join(f.home, "config.yaml"), config)
				s.Launch()
				check(t, s, &f.want)
				s.Stop()
			})
		}
	})
}

// check compares a server with what the earlier build answered, and uses it: w is then what a second look should find.
func check(t *testing.T, s *binary.Server, w *want) {
	t.Helper()
	checkUsage(t, s, w)
	checkKeys(t, s, w)
	browser := checkOwner(t, s, w)
	checkChats(t, browser, w)
	checkChats(t, caller{t: t, server: s, key: w.Keys[0].Secret}, w)
	var models struct {
		Data []struct {
			Name string `json:"name"`
		} `json:"data"`
	}
	decode(t, []byte(s.Run("models", "--json")), &models)
	for _, name := range w.Models {
		if !slices.ContainsFunc(models.Data, func(m struct {
			Name string `json:"name"`
		},
		) bool {
			return m.Name == name
		}) {
			t.Errorf("the model %s is not there: %v", name, models.Data)
		}
	}
	checkUsage(t, s, w)
}

// checkUsage compares the sums by key, which include what was asked since. Sums of new rows are visible within seconds.
func checkUsage(t *testing.T, s *binary.Server, w *want) {
	t.Helper()
	expected := map[string]used{}
	for _, k := range w.Keys {
		expected[k.ID] = k.Used
	}
	var got map[string]used
	for begun := time.Now(); time.Since(begun) < 30*time.Second; time.Sleep(50 * time.Millisecond) {
		var sums struct {
			Data []struct {
				Group struct {
					Key string `json:"api_key_id"`
				} `json:"group"`
				used
			} `json:"data"`
		}
		decode(t, []byte(s.Run("usage", "--by", "key", "--since", w.Day, "--json")), &sums)
		got = map[string]used{}
		for _, g := range sums.Data {
			got[g.Group.Key] = g.used
		}
		if reflect.DeepEqual(got, expected) {
			return
		}
	}
	t.Fatalf("usage by key\n%+v, want\n%+v", got, expected)
}

// checkKeys uses every key; those that were revoked are refused.
func checkKeys(t *testing.T, s *binary.Server, w *want) {
	t.Helper()
	for i := range w.Keys {
		k := &w.Keys[i]
		c := caller{t: t, server: s, key: k.Secret}
		if k.Revoked {
			if refused := c.do(http.StatusUnauthorized, http.MethodGet, "/v1/models", nil); !strings.Contains(string(refused), `"invalid_api_key"`) {
				t.Errorf("the revoked key %s: %s", k.Name, refused)
			}
			continue
		}
		for _, name := range []string{model, alias} {
			k.Used.add(c.chat(name, "Still there?", name == model))
		}
	}
	list := s.Run("keys", "list")
	for _, k := range w.Keys {
		if strings.Contains(list, k.ID) == k.Revoked {
			t.Errorf("%s, revoked %v, in the list:\n%s", k.Name, k.Revoked, list)
		}
	}
}

// checkOwner signs in by a link: the first user is the organization's only owner, and the operator. What they do is audited.
func checkOwner(t *testing.T, s *binary.Server, w *want) caller {
	t.Helper()
	c := signIn(t, s)
	var session struct {
		User struct {
			ID string `json:"id"`
		} `json:"user"`
		Role string `json:"role"`
	}
	c.get("/api/session", &session)
	if session.Role != "owner" {
		t.Errorf("who signs in by a link is %q", session.Role)
	}
	var users struct {
		Data []struct {
			ID   string `json:"id"`
			Role string `json:"role"`
		} `json:"data"`
	}
	c.get("/v1/organization/users", &users)
	if len(users.Data) != 1 || users.Data[0].ID != session.User.ID || users.Data[0].Role != "owner" {
		t.Errorf("users %+v, want the owner %s", users.Data, session.User.ID)
	}
	c.get("/api/operator/organizations", &struct{}{})
	var made struct {
		ID string `json:"id"`
	}
	decode(t, c.do(http.StatusOK, http.MethodPost, "/api/keys", map[string]string{"name": "after the upgrade"}), &made)
	var lines struct {
		Data []struct {
			Type  string `json:"type"`
			Actor struct {
				Session struct {
					User struct {
						ID string `json:"id"`
					} `json:"user"`
				} `json:"session"`
			} `json:"actor"`
		} `json:"data"`
	}
	c.get("/v1/organization/audit_logs?event_types[]=api_key.created", &lines)
	if len(lines.Data) == 0 || lines.Data[0].Actor.Session.User.ID != session.User.ID {
		t.Errorf("audit log %+v, want a line of %s", lines.Data, session.User.ID)
	}
	c.do(http.StatusOK, http.MethodDelete, "/api/keys/"+made.ID, nil)
	return c
}

// checkChats compares the chats with their trees of messages. Answers may have fields that the earlier build did not know.
func checkChats(t *testing.T, c caller, w *want) {
	t.Helper()
	var list struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	c.get("/api/chats?limit=100", &list)
	var there, ids []string
	for _, chat := range list.Data {
		there = append(there, chat.ID)
	}
	for _, data := range w.Chats {
		var then, now map[string]any
		decode(t, data, &then)
		id, _ := then["id"].(string)
		ids = append(ids, id)
		c.get("/api/chats/"+id, &now)
		if diff := lacks(now, then, "chat"); diff != "" {
			t.Errorf("%s: %s", id, diff)
		}
	}
	if w.Interrupted != "" {
		ids = append(ids, w.Interrupted)
		var chat struct {
			Messages []struct {
				Role    string            `json:"role"`
				State   string            `json:"state"`
				Content []json.RawMessage `json:"content"`
			} `json:"messages"`
		}
		c.get("/api/chats/"+w.Interrupted, &chat)
		if len(chat.Messages) != 2 || len(chat.Messages[0].Content) != 1 || chat.Messages[1].State != "failed" {
			t.Errorf("the chat whose answer was cut off: %+v", chat)
		}
	}
	slices.Sort(ids)
	slices.Sort(there)
	if !slices.Equal(ids, there) {
		t.Errorf("chats %v, want %v", there, ids)
	}
}

// lacks says where a value differs from an earlier one that may have had fewer fields.
func lacks(now, then any, at string) string {
	switch then := then.(type) {
	case map[string]any:
		have, ok := now.(map[string]any)
		if !ok {
			return at + " is no object"
		}
		for name, value := range then {
			if diff := lacks(have[name], value, at+"."+name); diff != "" {
				return diff
			}
		}
		return ""
	case []any:
		have, ok := now.([]any)
		if !ok || len(have) != len(then) {
			return at + " has another length"
		}
		for i, value := range then {
			if diff := lacks(have[i], value, at+"[]"); diff != "" {
				return diff
			}
		}
		return ""
	}
	if !reflect.DeepEqual(now, then) {
		a, _ := json.Marshal(now)
		b, _ := json.Marshal(then)
		return at + " is " + string(a) + ", was " + string(b)
	}
	return ""
}
