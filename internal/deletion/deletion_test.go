package deletion

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/clock"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/identity"
	"github.com/parley-ai/parley/internal/jobs"
	"github.com/parley-ai/parley/internal/store"
	"github.com/parley-ai/parley/internal/store/storetest"
)

// house is an installation with three organizations: the operator's, one that is deleted, and one that must not notice.
type house struct {
	t           *testing.T
	db          *store.DB
	ids         *identity.Service
	del         *Service
	clock       *clock.Fake
	op          actor.Actor
	gone, other actor.Actor // owners, in a browser
	mu          sync.Mutex
	forgot      []string
}

func newHouse(t *testing.T, db *store.DB) *house {
	t.Helper()
	h := &house{t: t, db: db, clock: clock.NewFake(time.Date(2024, 1, 4, 12, 0, 0, 0, time.UTC))}
	log := slog.New(slog.DiscardHandler)
	h.ids = identity.New(db, h.clock, log)
	t.Cleanup(func() { _ = h.ids.Close(context.Background()) })
	in, err := h.ids.Bootstrap(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	h.op = in.Owner
	j, err := jobs.New(t.Context(), db, jobs.Options{Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	h.del = New(Options{DB: db, Clock: h.clock, Logger: log, Jobs: j, Identity: h.ids, Others: []Forgetter{h}, Confirm: func(_ context.Context, _ actor.Actor, password string) error {
		if password != "right" {
			return fault.New(fault.Forbidden, "wrong").WithCode("invalid_credentials")
		}
		return nil
	}})
	h.gone, h.other = h.organization("Gone", "gone@example.com"), h.organization("Other", "other@example.com")
	return h
}

// Forget notes that it was called: what keeps more than rows is told.
func (h *house) Forget(_ context.Context, _ *store.Tx, org string) (map[string]int64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.forgot = append(h.forgot, org)
	return map[string]int64{"elsewhere": 3}, nil
}

// organization makes one with an owner who is signed in.
func (h *house) organization(name, email string) actor.Actor {
	h.t.Helper()
	h.clock.Advance(time.Second)
	token, _, err := h.ids.CreateOrganization(h.t.Context(), name, email)
	if err != nil {
		h.t.Fatal(err)
	}
	session, err := h.ids.Accept(h.t.Context(), token, actor.Actor{})
	if err != nil {
		h.t.Fatal(err)
	}
	return session.Actor
}

// tables lists those of the database with their columns: name and whether it wants text.
func (h *house) tables() map[string][]column {
	h.t.Helper()
	query := `SELECT m.name, c.name, c.type, c."notnull" = 1 OR c.pk > 0, c.dflt_value IS NOT NULL FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'`
	if h.db.Dialect() == store.Postgres {
		query = `SELECT c.table_name, c.column_name, c.data_type, c.is_nullable = 'NO', c.column_default IS NOT NULL FROM information_schema.columns c
			JOIN pg_class k ON k.relname = c.table_name AND k.relnamespace = current_schema()::regnamespace
			WHERE c.table_schema = current_schema() AND NOT k.relispartition`
	}
	rows, err := store.Collect(h.t.Context(), h.db.Read(), func(row store.Scanner) (c column, err error) {
		return c, row.Scan(&c.table, &c.name, &c.kind, &c.needed, &c.filled)
	}, query)
	if err != nil {
		h.t.Fatal(err)
	}
	out := map[string][]column{}
	for _, c := range rows {
		out[c.table] = append(out[c.table], c)
	}
	if len(out) < 20 {
		h.t.Fatalf("only %d tables", len(out))
	}
	return out
}

type column struct {
	table, name, kind string
	needed, filled    bool
}

// TestPlanIsComplete: every table that names an organization or a user is emptied, or kept for a reason.
func TestPlanIsComplete(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		all := h.tables()
		for name, plan := range map[string][]table{"org_id": ofOrganizations, "user_id": ofUsers} {
			planned := map[string]bool{}
			for _, p := range plan {
				planned[p.name] = true
				if !slices.ContainsFunc(all[p.name], func(c column) bool { return c.name == p.column }) {
					t.Errorf("the plan has %s.%s, which is not in the database", p.name, p.column)
				}
			}
			for table, columns := range all {
				if !slices.ContainsFunc(columns, func(c column) bool { return c.name == name }) {
					continue
				}
				switch {
				case planned[table] && kept[name][table] != "":
					t.Errorf("%s is emptied and kept", table)
				case !planned[table] && kept[name][table] == "":
					t.Errorf("%s has %s, and a deletion forgets it: put it into the plan, or say in kept why it stays", table, name)
				}
			}
			for table := range kept[name] {
				if !slices.ContainsFunc(all[table], func(c column) bool { return c.name == name }) {
					t.Errorf("kept names %s.%s, which is not in the database", table, name)
				}
			}
		}
	})
}

// fill puts rows of an organization and a user into every table of the plans that has none yet.
func (h *house) fill(who actor.Actor, rows int) {
	h.t.Helper()
	ctx := h.t.Context()
	exec := func(query string, args ...any) {
		h.t.Helper()
		if _, err := h.db.Exec(ctx, query, args...); err != nil {
			h.t.Fatalf("%s: %v", query, err)
		}
	}
	chat := "chat_" + who.Org
	exec(`INSERT INTO chats (id, org_id, project_id, user_id, title, title_folded, model, message_count, created_at, updated_at) VALUES ($1, $2, $3, $4, '', '', '', 1, 1, 1)`, chat, who.Org, who.Project, who.User)
	if h.db.Dialect() == store.Postgres {
		exec(`CREATE TABLE IF NOT EXISTS usage_requests_test PARTITION OF usage_requests FOR VALUES FROM (0) TO (1000000)`)
	}
	all := h.tables()
	seen := map[string]bool{"chats": true, "organizations": true, "projects": true, "memberships": true, "project_members": true, "users": true}
	parent := any(nil)
	for _, p := range slices.Backward(slices.Concat(ofOrganizations, ofUsers)) { // rows after those that they refer to
		if seen[p.name] {
			continue
		}
		seen[p.name] = true
		for i := range rows {
			var names, marks []string
			var args []any
			for _, c := range all[p.name] {
				v, put := h.value(c, who, chat, i)
				if c.name == "parent_id" && parent != nil {
					v, put = parent, true // a chain: each answers the one before
				}
				if c.name == "depth" {
					v = i
				}
				if !put {
					continue
				}
				names = append(names, c.name)
				args = append(args, v)
				marks = append(marks, fmt.Sprintf("$%d", len(args)))
			}
			if _, err := h.db.Exec(ctx, `INSERT INTO `+p.name+` (`+strings.Join(names, ", ")+`) VALUES (`+strings.Join(marks, ", ")+`)`, args...); err != nil {
				if store.IsUnique(err) {
					break // one row of an organization or a user is all that it has
				}
				h.t.Fatalf("%s: %v", p.name, err)
			}
			if p.name == "chat_messages" {
				parent = args[slices.Index(names, "id")]
			}
		}
		parent = nil
	}
}

// value is what a column of a filled row holds.
func (h *house) value(c column, who actor.Actor, chat string, i int) (any, bool) {
	switch c.name {
	case "org_id":
		return who.Org, true
	case "project_id":
		return who.Project, true
	case "user_id", "subject_id":
		return who.User, true
	case "chat_id":
		return chat, true
	case "assistant_id", "thread_id", "run_id", "vector_store_id", "batch_id", "attachment_id", "conversation_id", "response_id":
		return fmt.Sprintf("id %s %d", who.Org, i), true
	case "subject":
		return "user", true
	case "recipient", "email", "user_email", "claimed_email", "decided_by":
		return who.Email, true
	case "expires_at":
		return int64(1) << 50, true // what is over is tidied up by others
	case "claimed_by":
		return who.User, true
	}
	if !c.needed || c.filled {
		return nil, false
	}
	kind := strings.ToLower(c.kind)
	switch {
	case strings.Contains(kind, "bool"):
		return false, true
	case strings.Contains(kind, "int"):
		return int64(i) + int64(len(who.Org)+int(who.Org[len(who.Org)-1]))*1000, true
	case strings.Contains(kind, "blob"), strings.Contains(kind, "bytea"):
		return []byte("x"), true
	}
	return fmt.Sprintf("%s %s %d", c.name, who.Org, i), true
}

// count is how many rows the database has of an id, by table.
func (h *house) count(plan []table, id string) map[string]int64 {
	h.t.Helper()
	out := map[string]int64{}
	for _, p := range plan {
		var n int64
		if err := h.db.Read().QueryRow(h.t.Context(), `SELECT COUNT(*) FROM `+p.name+` WHERE `+p.column+` = $1`, id).Scan(&n); err != nil {
			h.t.Fatal(err)
		}
		if n > 0 {
			out[p.name] = n
		}
	}
	return out
}

// run does what the jobs of all deletions would do now.
func (h *house) run() {
	h.t.Helper()
	for range 3 {
		all, _, err := h.del.List(h.t.Context(), store.Paging{})
		if err != nil {
			h.t.Fatal(err)
		}
		for _, d := range all {
			if d.State == "running" {
				if err := h.del.look(h.t.Context(), look{d.ID}); err == nil || !strings.Contains(err.Error(), "15m0s") {
					h.t.Fatalf("it is not looked for what comes late: %v", err)
				}
			}
		}
	}
}

// TestOrganization: everything of an organization goes, with the accounts that belong to nothing else; the proof
// tells how much, to the row; another organization does not notice.
func TestOrganization(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		ctx := t.Context()
		h.fill(h.gone, batch+20)
		h.fill(h.other, 3)
		before, others := h.count(ofOrganizations, h.gone.Org), h.count(ofOrganizations, h.other.Org)
		users := h.count(ofUsers, h.other.User)
		for _, p := range ofOrganizations {
			if before[p.name] == 0 && p.name != "service_accounts" {
				t.Errorf("the test put nothing into %s", p.name)
			}
		}
		if before["chat_messages"] != batch+20 {
			t.Fatalf("%v", before)
		}
		for name, try := range map[string]func() error{
			"another name":   func() error { _, err := h.del.Organization(ctx, h.gone, "gone", "right"); return err },
			"wrong password": func() error { _, err := h.del.Organization(ctx, h.gone, "Gone", "wrong"); return err },
			"with a key": func() error {
				_, err := h.del.Organization(ctx, actor.Actor{Org: h.gone.Org, User: h.gone.User, Key: "key_1"}, "Gone", "right")
				return err
			},
			"the operator's": func() error { _, err := h.del.OrganizationOf(ctx, h.op, h.op.Org, h.op.OrgName); return err },
			"none":           func() error { _, err := h.del.OrganizationOf(ctx, h.op, "org-none", "x"); return err },
		} {
			if err := try(); fault.As(err) == nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if got := h.count(ofOrganizations, h.gone.Org); !maps.Equal(got, before) {
			t.Fatalf("a refused deletion deleted: %v", got)
		}

		d, err := h.del.Organization(ctx, h.gone, " Gone ", "right")
		if err != nil || d.State != "running" || len(h.forgot) != 1 {
			t.Fatal(d, err, h.forgot)
		}
		if rest := h.count(ofOrganizations, h.gone.Org); rest["sessions"]+rest["api_keys"]+rest["memberships"]+rest["invites"]+rest["signin_links"] != 0 {
			t.Errorf("access goes on: %v", rest)
		}
		if _, err := h.del.OrganizationOf(ctx, h.op, h.gone.Org, h.gone.Org); fault.KindOf(err) != fault.Conflict {
			t.Errorf("deleted twice at once: %v", err)
		}
		h.organization("Gone", "gone2@example.com") // the name is free

		// A server that dies in between: the next look goes on, and what was counted stays counted.
		if _, err := h.del.empty(ctx, d.ID, ofOrganizations[4], h.gone.Org); err != nil {
			t.Fatal(err)
		}
		h.run()

		if rest := h.count(ofOrganizations, h.gone.Org); len(rest) != 0 {
			t.Errorf("left over: %v", rest)
		}
		if rest := h.count(ofUsers, h.gone.User); len(rest) != 0 {
			t.Errorf("left over of its member: %v", rest)
		}
		if got := h.count(ofOrganizations, h.other.Org); !maps.Equal(got, others) {
			t.Errorf("another organization: %v, was %v", got, others)
		}
		if got := h.count(ofUsers, h.other.User); !maps.Equal(got, users) {
			t.Errorf("its member: %v, was %v", got, users)
		}
		done, err := h.del.Get(ctx, d.ID)
		if err != nil || done.State != "done" || done.Finished.IsZero() {
			t.Fatalf("%+v %v", done, err)
		}
		before["elsewhere"] = 3
		if !maps.Equal(done.Counts, before) {
			t.Errorf("the proof tells %v, there were %v", done.Counts, before)
		}
		for _, org := range []string{h.op.Org, h.gone.Org} {
			lines, _, err := audit.New(db, h.clock).List(ctx, actor.Actor{Org: org}, audit.Filter{Types: []string{Proof}}, store.Paging{})
			told := slices.ContainsFunc(lines, func(l audit.Line) bool { return strings.Contains(string(l.After), `"chat_messages":520`) })
			if err != nil || !told {
				t.Errorf("%s: %d lines, %v", org, len(lines), err)
			}
		}

		// What came late goes, too, and is counted.
		if _, err := h.db.Exec(ctx, `INSERT INTO rate_limits (id, org_id, subject, subject_id, model, figures, updated_at) VALUES ('late', $1, 'organization', '', '', '{}', 1)`, h.gone.Org); err != nil {
			t.Fatal(err)
		}
		h.clock.Advance(sweeps[0])
		if err := h.del.look(ctx, look{d.ID}); err == nil {
			t.Error("no further sweep")
		}
		late, err := h.del.Get(ctx, d.ID)
		if err != nil || late.Counts["rate_limits"] != before["rate_limits"]+1 || late.Checked.IsZero() || len(h.count(ofOrganizations, h.gone.Org)) != 0 {
			t.Errorf("%+v %v", late, err)
		}
		for range len(sweeps) - 2 {
			_ = h.del.look(ctx, look{d.ID})
		}
		if err := h.del.look(ctx, look{d.ID}); err != nil {
			t.Errorf("it never ends: %v", err)
		}
	})
}

// TestAccount: what is a user's goes, in all organizations; the organizations keep their books; an only owner stays.
func TestAccount(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		ctx := t.Context()
		token, _, err := h.ids.Invite(ctx, h.other, "ann@example.com", actor.Member, nil)
		if err != nil {
			t.Fatal(err)
		}
		session, err := h.ids.Accept(ctx, token, actor.Actor{})
		if err != nil {
			t.Fatal(err)
		}
		ann := session.Actor
		h.fill(ann, 3)
		books := h.count([]table{{name: "usage_requests", column: "user_id"}, {name: "usage_rollups", column: "user_id"}, {name: "limit_requests", column: "user_id"}}, ann.User)
		owners := h.count(ofUsers, h.other.User)
		if _, err := h.del.Account(ctx, h.other, "other@example.com", "right"); fault.As(err) == nil || fault.As(err).Code != "last_owner" || !strings.Contains(err.Error(), "Other") {
			t.Errorf("an only owner: %v", err)
		}
		if _, err := h.del.Account(ctx, ann, "other@example.com", "right"); fault.As(err) == nil || fault.As(err).Code != "name_mismatch" {
			t.Errorf("another address: %v", err)
		}
		if _, err := h.del.Account(ctx, ann, "ann@example.com", "wrong"); fault.As(err) == nil {
			t.Errorf("a wrong password: %v", err)
		}
		if h.count(ofUsers, h.other.User)["memberships"] != 1 || h.count(ofUsers, ann.User)["memberships"] != 1 {
			t.Fatal("a refused deletion deleted")
		}
		d, err := h.del.Account(ctx, ann, "Ann@Example.com ", "right")
		if err != nil {
			t.Fatal(err)
		}
		h.run()
		if rest := h.count(ofUsers, ann.User); len(rest) != 0 {
			t.Errorf("left over: %v", rest)
		}
		if got := h.count([]table{{name: "usage_requests", column: "user_id"}, {name: "usage_rollups", column: "user_id"}, {name: "limit_requests", column: "user_id"}}, ann.User); !maps.Equal(got, books) || len(got) != 3 {
			t.Errorf("the organization's books: %v, were %v", got, books)
		}
		if got := h.count(ofUsers, h.other.User); !maps.Equal(got, owners) {
			t.Errorf("somebody else: %v, was %v", got, owners)
		}
		for name, columns := range h.tables() {
			for _, c := range columns {
				if name == "audit_log" || !strings.EqualFold(c.kind, "text") {
					continue
				}
				var n int64
				if err := db.Read().QueryRow(ctx, `SELECT COUNT(*) FROM `+name+` WHERE `+c.name+` LIKE '%ann@example.com%'`).Scan(&n); err != nil || n != 0 {
					t.Errorf("the address is still in %d rows of %s.%s, %v", n, name, c.name, err)
				}
			}
		}
		done, err := h.del.Get(ctx, d.ID)
		if err != nil || done.State != "done" || done.Counts["chat_messages"] != 3 || done.Name != "" {
			t.Errorf("%+v %v", done, err)
		}
		if _, err := h.del.AccountOf(ctx, h.op, ann.User); fault.KindOf(err) != fault.NotFound {
			t.Errorf("again: %v", err)
		}
		// The address may come again, as somebody new.
		token, _, err = h.ids.Invite(ctx, h.other, "ann@example.com", actor.Member, nil)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := h.ids.Accept(ctx, token, actor.Actor{}); err != nil || again.Actor.User == ann.User {
			t.Errorf("%+v %v", again.Actor, err)
		}
	})
}

// TestDeletedOnce: of those who delete an organization at the same time one does.
func TestDeletedOnce(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		for i := range 5 {
			name := fmt.Sprintf("Often %d", i)
			who := h.organization(name, fmt.Sprintf("often%d@example.com", i))
			var did atomic.Int32
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					if _, err := h.del.OrganizationOf(t.Context(), h.op, who.Org, name); err == nil {
						did.Add(1)
					} else if fault.As(err) == nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if did.Load() != 1 {
				t.Fatalf("it was deleted %d times", did.Load())
			}
		}
	})
}

// as lets every request act as one.
type as struct{ who actor.Actor }

func (a as) Authenticate(*http.Request) (actor.Actor, error) { return a.who, nil }

// TestRoutes: owners alone delete an organization; whoever has a deletion's id sees how far it is, and nothing of a person.
func TestRoutes(t *testing.T) {
	h := newHouse(t, storetest.Open(t, storetest.SQLite(t), store.Options{}))
	ask := func(who actor.Actor, method, path, body string) (int, Object) {
		t.Helper()
		api, err := httpapi.New(httpapi.Options{Routes: append(h.del.Routes(), h.del.AdminRoutes()...), Auth: as{who}, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		rec := httptest.NewRecorder()
		api.ServeHTTP(rec, r)
		var o Object
		if err := json.Unmarshal(rec.Body.Bytes(), &o); err != nil {
			t.Fatalf("%s: %v", rec.Body, err)
		}
		return rec.Code, o
	}
	admin := h.gone
	admin.Role, admin.Scopes, admin.Operator = actor.Admin, actor.ScopesOf(actor.Admin), false
	if code, _ := ask(admin, "POST", "/api/organization/delete", `{"name":"Gone","current_password":"right"}`); code != 403 {
		t.Errorf("an admin: %d", code)
	}
	if code, _ := ask(h.other, "POST", "/admin/organizations/"+h.gone.Org+"/delete", `{"name":"Gone"}`); code != 403 {
		t.Errorf("another organization's owner: %d", code)
	}
	code, o := ask(h.gone, "POST", "/api/organization/delete", `{"name":"Gone","current_password":"right"}`)
	if code != 200 || o.State != "running" {
		t.Fatalf("%d %+v", code, o)
	}
	h.run()
	if code, o = ask(actor.Actor{}, "GET", "/api/deletions/"+o.ID, ""); code != 200 || o.State != "done" || o.FinishedAt == nil || o.Rows["memberships"] != 1 {
		t.Errorf("%d %+v", code, o)
	}
	if code, _ = ask(actor.Actor{}, "GET", "/api/deletions/del_none", ""); code != 404 {
		t.Errorf("%d", code)
	}
	h.op.Operator = true
	if code, o = ask(h.op, "POST", "/admin/organizations/"+h.other.Org+"/delete", `{"name":"Other"}`); code != 200 {
		t.Errorf("the operator: %d %+v", code, o)
	}
	if code, _ = ask(h.op, "GET", "/admin/deletions?limit=1", ""); code != 200 {
		t.Errorf("%d", code)
	}
}
