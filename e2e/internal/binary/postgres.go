package binary

import (
	"context"
	"fmt"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/parley-ai/parley/internal/ids"
)

// freshDatabase makes a schema of its own in the test's PostgreSQL and returns the URL that uses it.
func freshDatabase(t testing.TB, base string) string {
	t.Helper()
	schema := "e2e_" + ids.Random(8)
	exec := func(sql string) {
		conn, err := pgx.Connect(context.Background(), base)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.Background())
		if _, err := conn.Exec(context.Background(), sql); err != nil {
			t.Fatal(err)
		}
	}
	exec(fmt.Sprintf("CREATE SCHEMA %q", schema))
	t.Cleanup(func() { exec(fmt.Sprintf("DROP SCHEMA %q CASCADE", schema)) })
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", `"`+schema+`"`)
	u.RawQuery = q.Encode()
	return u.String()
}
