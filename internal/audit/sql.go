package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
)

const columns = "id, type, created_at, org_id, project_id, object_id, user_id, user_email, service_account, key_id, session_id, " +
	"ip, forwarded_for, user_agent, request_id, before_act, after_act"

func insert(ctx context.Context, tx *store.Tx, l Line, before, after any) error {
	_, err := tx.Exec(ctx, `INSERT INTO audit_log (`+columns+`) VALUES (`+store.Placeholders(1, 17)+`)`,
		l.ID, l.Type, store.Millis(l.At), l.Organization, l.Project, l.Object, l.User, l.Email, l.ServiceAccount, l.Key, l.Session,
		l.IP, l.Forwarded, l.UserAgent, l.RequestID, store.JSON(before), store.JSON(after))
	return err
}

func scan(row store.Scanner) (l Line, err error) {
	var at int64
	err = row.Scan(&l.ID, &l.Type, &at, &l.Organization, &l.Project, &l.Object, &l.User, &l.Email, &l.ServiceAccount, &l.Key, &l.Session,
		&l.IP, &l.Forwarded, &l.UserAgent, &l.RequestID, store.JSON((*json.RawMessage)(&l.Before)), store.JSON((*json.RawMessage)(&l.After)))
	l.At = store.Time(at)
	return l, err
}

func list(ctx context.Context, q store.Q, org string, f Filter, p store.Paging) ([]Line, bool, error) {
	where, args := "org_id = $1", []any{org}
	for _, bound := range []struct {
		op      string
		seconds *int64
		end     bool // a whole second later
	}{{">=", f.After, true}, {">=", f.From, false}, {"<", f.Before, false}, {"<", f.Until, true}} {
		if bound.seconds == nil {
			continue
		}
		at := min(max(*bound.seconds, math.MinInt64/2000), math.MaxInt64/2000) // both far from any line
		if bound.end {
			at++
		}
		args = append(args, at*1000)
		where += fmt.Sprintf(" AND created_at %s $%d", bound.op, len(args))
	}
	for _, in := range []struct {
		columns []string
		values  []string
	}{
		{[]string{"project_id"}, f.Projects},
		{[]string{"type"}, f.Types},
		{[]string{"user_id", "service_account", "key_id"}, f.Actors},
		{[]string{"user_email"}, f.Emails},
		{[]string{"object_id"}, f.Objects},
	} {
		values := slices.DeleteFunc(slices.Clone(in.values), func(v string) bool { return v == "" })
		if len(values) == 0 {
			continue
		}
		from := len(args) + 1
		for _, v := range values {
			args = append(args, v)
		}
		any := ""
		for i, column := range in.columns {
			if i > 0 {
				any += " OR "
			}
			any += column + " IN (" + store.Placeholders(from, len(values)) + ")"
		}
		where += " AND (" + any + ")"
	}
	if f.Text != "" {
		// The organization's lines are few enough to be read: who searches gives a time as well, or waits a moment.
		args = append(args, "%"+strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(strings.ToLower(f.Text))+"%")
		where += fmt.Sprintf(` AND LOWER(type || ' ' || object_id || ' ' || user_id || ' ' || user_email || ' ' || service_account || ' ' || key_id || ' ' || ip || ' ' ||
			COALESCE(before_act, '') || ' ' || COALESCE(after_act, '')) LIKE $%d ESCAPE '\'`, len(args))
	}
	lines, more, err := store.Page(ctx, q, store.List{Columns: columns, From: "audit_log", Where: where, Args: args}, p, scan)
	var cursor *store.CursorError
	if errors.As(err, &cursor) {
		return nil, false, fault.Param(cursor.Param, "No such audit log: %s", cursor.ID)
	}
	return lines, more, err
}
