package store

import (
	"strings"
	"testing"
)

func TestRewrite(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`SELECT 1`, `SELECT 1`},
		{`SELECT $1`, `SELECT ?1`},
		{`SELECT $1, $12,$3`, `SELECT ?1, ?12,?3`},
		{`SELECT '$1'`, `SELECT '$1'`},
		{`SELECT 'it''s $1', $2`, `SELECT 'it''s $1', ?2`},
		{`SELECT data ->> '$.a' FROM t WHERE x = $1`, `SELECT data ->> '$.a' FROM t WHERE x = ?1`},
		{`SELECT "a$1", "q""$2" = $3`, `SELECT "a$1", "q""$2" = ?3`},
		{"SELECT `$1`, [$2], $3", "SELECT `$1`, [$2], ?3"},
		{"SELECT $1 -- not $2\n, $3", "SELECT ?1 -- not $2\n, ?3"},
		{"SELECT /* $1 -- ' */ $2", "SELECT /* $1 -- ' */ ?2"},
		{"SELECT a$1 FROM b_$2", "SELECT a$1 FROM b_$2"},
		{"WHERE a=$1AND b=$2", "WHERE a=?1AND b=?2"},
		{"SELECT $0, $, $x", "SELECT $0, $, $x"},
		{"SELECT 1-$1, 2/$2", "SELECT 1-?1, 2/?2"},
		{"SELECT '$1", "SELECT '$1"},
		{"-- $1", "-- $1"},
		{"/* $1", "/* $1"},
		{"SELECT 'ü', ü$1, $2", "SELECT 'ü', ü$1, ?2"},
		{"", ""},
	} {
		if got := rewrite(c.in); got != c.want {
			t.Errorf("rewrite(%q)\n got %q\nwant %q", c.in, got, c.want)
		}
	}
}

func TestUnnumberedParametersStandInTheirOrder(t *testing.T) {
	for in, want := range map[string]string{
		"SELECT 1":                          "SELECT 1",
		"VALUES ($1, $2), ($3, '$9') -- $7": "VALUES (?, ?), (?, '$9') -- $7",
		"SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10": "SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?",
	} {
		if got, ok := unnumbered(in); !ok || got != want {
			t.Errorf("unnumbered(%q) = %q, %v", in, got, ok)
		}
	}
	for _, in := range []string{"SELECT $2, $1", "SELECT $1, $1", "SELECT $1, $3", "SELECT $2"} {
		if got, ok := unnumbered(in); ok {
			t.Errorf("unnumbered(%q) = %q: not in order", in, got)
		}
	}
}

func TestRewriteCacheIsBounded(t *testing.T) {
	var c rewriteCache
	for i := range maxRewrites + 100 {
		q := "SELECT $1 --" + strings.Repeat("x", i)
		want := "SELECT ? --" + strings.Repeat("x", i)
		for _, from := range []string{"first", "cached"} {
			if got := c.get(q); got != want {
				t.Fatalf("%s: %q, want %q", from, got, want)
			}
		}
	}
	n := 0
	c.m.Range(func(any, any) bool { n++; return true })
	if n != maxRewrites {
		t.Errorf("cache holds %d statements, want %d", n, maxRewrites)
	}
}

func FuzzRewrite(f *testing.F) {
	f.Add("SELECT $1, '$2', \"$3\" -- $4\n/* $5 */ $6")
	f.Fuzz(func(t *testing.T, s string) {
		out := rewrite(s)
		if len(out) != len(s) {
			t.Fatalf("length changed: %q → %q", s, out)
		}
		for i := range s {
			if s[i] != out[i] && (s[i] != '$' || out[i] != '?' || i+1 == len(s) || s[i+1] < '1' || s[i+1] > '9') {
				t.Fatalf("byte %d changed: %q → %q", i, s, out)
			}
		}
	})
}

func TestForDialect(t *testing.T) {
	text := `CREATE TABLE a (
    id TEXT PRIMARY KEY,
    v BYTEA, -- only: postgres
    v BLOB, -- only: sqlite
    n BIGINT -- a number
);
-- only: postgres
CREATE INDEX i ON a USING gin (v);
-- end only
-- only: sqlite
PRAGMA x;
-- end only
SELECT 1;`
	for d, want := range map[Dialect]string{
		SQLite:   "CREATE TABLE a (\n    id TEXT PRIMARY KEY,\n    v BLOB,\n    n BIGINT -- a number\n);\nPRAGMA x;\nSELECT 1;\n",
		Postgres: "CREATE TABLE a (\n    id TEXT PRIMARY KEY,\n    v BYTEA,\n    n BIGINT -- a number\n);\nCREATE INDEX i ON a USING gin (v);\nSELECT 1;\n",
	} {
		got, err := forDialect(text, d)
		if err != nil || got != want {
			t.Errorf("%s: %v\n got %q\nwant %q", d, err, got, want)
		}
	}
	for _, bad := range []string{
		"x -- only: mysql", "-- only: sqlite\nx", "-- end only", "-- only: sqlite\n-- only: postgres\n-- end only", "x -- only:",
	} {
		if got, err := forDialect(bad, SQLite); err == nil {
			t.Errorf("forDialect(%q) = %q, want an error", bad, got)
		}
	}
}

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"postgres://u:secret@h:5432/db?sslmode=disable": "postgres://u@h:5432/db?sslmode=disable",
		"postgres://h/db?password=secret":               "postgres://h/db",
		"sqlite:///a/b.db":                              "sqlite:///a/b.db",
		"postgres://u:p%zz@h":                           "(unreadable address)",
	} {
		if got := Redact(in); got != want {
			t.Errorf("Redact(%q) = %q, want %q", in, got, want)
		}
	}
}
