package billing

import (
	"context"
	"errors"
	"time"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
)

// limited returns the organizations whose spending has to be known while they spend: those with budgets, prepaid ones, and those with credit
// that is not used up.
func limited(ctx context.Context, q store.Q, now time.Time) ([]string, error) {
	return store.Collect(ctx, q, func(row store.Scanner) (org string, err error) { return org, row.Scan(&org) },
		`SELECT org_id FROM billing_budgets UNION SELECT org_id FROM billing_accounts WHERE plan = 'prepaid'
		UNION SELECT org_id FROM billing_grants WHERE used < amount AND revoked_at = 0 AND (expires_at = 0 OR expires_at > $1)`, store.Millis(now.Add(-24*time.Hour)))
}

// readAccount returns how an organization pays; one of which nothing was said has no plan.
func readAccount(ctx context.Context, q store.Q, org string) (Account, error) {
	a := Account{Org: org, Plan: NoPlan, Contacts: []string{}}
	err := q.QueryRow(ctx, `SELECT plan, contacts, name, address FROM billing_accounts WHERE org_id = $1`, org).Scan(&a.Plan, store.JSON(&a.Contacts), &a.Name, &a.Address)
	if errors.Is(err, store.ErrNoRows) {
		err = nil
	}
	return a, err
}

func writeAccount(ctx context.Context, q store.Q, a Account, now time.Time) error {
	_, err := q.Exec(ctx, `INSERT INTO billing_accounts (org_id, plan, contacts, name, address, updated_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (org_id) DO UPDATE SET plan = excluded.plan, contacts = excluded.contacts, name = excluded.name, address = excluded.address, updated_at = excluded.updated_at`,
		a.Org, a.Plan, store.JSON(a.Contacts), a.Name, a.Address, store.Millis(now))
	return err
}

const budgetColumns = "org_id, project_id, soft, hard, updated_at"

func scanBudget(row store.Scanner) (b Budget, err error) {
	var updated int64
	err = row.Scan(&b.Org, &b.Project, &b.Soft, &b.Hard, &updated)
	b.Updated = store.Time(updated)
	return b, err
}

// readBudgets returns an organization's own budget first, then those of its projects.
func readBudgets(ctx context.Context, q store.Q, org string) ([]Budget, error) {
	return store.Collect(ctx, q, scanBudget, `SELECT `+budgetColumns+` FROM billing_budgets WHERE org_id = $1 ORDER BY project_id`, org)
}

// findBudget returns nil when there is none.
func findBudget(ctx context.Context, q store.Q, org, project string) (*Budget, error) {
	b, err := scanBudget(q.QueryRow(ctx, `SELECT `+budgetColumns+` FROM billing_budgets WHERE org_id = $1 AND project_id = $2`, org, project))
	if errors.Is(err, store.ErrNoRows) {
		return nil, nil
	}
	return &b, err
}

func writeBudget(ctx context.Context, q store.Q, b Budget) error {
	_, err := q.Exec(ctx, `INSERT INTO billing_budgets (`+budgetColumns+`) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (org_id, project_id) DO UPDATE SET soft = excluded.soft, hard = excluded.hard, updated_at = excluded.updated_at`,
		b.Org, b.Project, b.Soft, b.Hard, store.Millis(b.Updated))
	return err
}

func removeBudget(ctx context.Context, q store.Q, org, project string) error {
	_, err := q.Exec(ctx, `DELETE FROM billing_budgets WHERE org_id = $1 AND project_id = $2`, org, project)
	return err
}

// readNotices returns what was told of a month.
func readNotices(ctx context.Context, q store.Q, org, month string) (map[notice]bool, error) {
	rows, err := store.Collect(ctx, q, func(row store.Scanner) (n notice, err error) {
		return n, row.Scan(&n.org, &n.project, &n.month, &n.kind, &n.amount)
	}, `SELECT org_id, project_id, month, kind, amount FROM billing_notices WHERE org_id = $1 AND month = $2`, org, month)
	out := map[notice]bool{}
	for _, n := range rows {
		out[n] = true
	}
	return out, err
}

// writeNotice reports whether this one was the first to tell.
func writeNotice(ctx context.Context, tx *store.Tx, n notice, now time.Time) (bool, error) {
	rows, err := tx.Exec(ctx, `INSERT INTO billing_notices (org_id, project_id, month, kind, amount, created_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
		n.org, n.project, n.month, n.kind, n.amount, store.Millis(now))
	return rows > 0, err
}

const grantColumns = "id, org_id, amount, used, reason, effective_at, expires_at, revoked_at, created_at"

func scanGrant(row store.Scanner) (g Grant, err error) {
	var effective, expires, revoked, created int64
	err = row.Scan(&g.ID, &g.Org, &g.Amount, &g.Used, &g.Reason, &effective, &expires, &revoked, &created)
	g.Effective, g.Created = store.Time(effective), store.Time(created)
	g.Expires, g.Revoked = timeOrZero(expires), timeOrZero(revoked)
	return g, err
}

// timeOrZero is a time of a column in which 0 is none.
func timeOrZero(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return store.Time(ms)
}

// readGrants returns an organization's grants, the oldest first.
func readGrants(ctx context.Context, q store.Q, org string) ([]Grant, error) {
	return store.Collect(ctx, q, scanGrant, `SELECT `+grantColumns+` FROM billing_grants WHERE org_id = $1 ORDER BY created_at, id`, org)
}

// findGrant reads a grant of an organization, of any when org is empty.
func findGrant(ctx context.Context, q store.Q, org, id string) (Grant, error) {
	g, err := scanGrant(q.QueryRow(ctx, `SELECT `+grantColumns+` FROM billing_grants WHERE id = $1 AND ($2 = '' OR org_id = $2)`, id, org))
	if errors.Is(err, store.ErrNoRows) {
		return g, fault.New(fault.NotFound, "No such grant of credit: %s", clip(id)).WithCode("credit_grant_not_found")
	}
	return g, err
}

func countGrants(ctx context.Context, q store.Q, org string) (n int, err error) {
	err = q.QueryRow(ctx, `SELECT COUNT(*) FROM billing_grants WHERE org_id = $1`, org).Scan(&n)
	return n, err
}

func insertGrant(ctx context.Context, tx *store.Tx, g Grant) error {
	_, err := tx.Exec(ctx, `INSERT INTO billing_grants (`+grantColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		g.ID, g.Org, g.Amount, g.Used, g.Reason, store.Millis(g.Effective), store.Millis(g.Expires), store.Millis(g.Revoked), store.Millis(g.Created))
	return err
}

// updateGrant writes what changes of a grant, and fails with errSettled when the grant is not any more what it was.
func updateGrant(ctx context.Context, tx *store.Tx, was, g Grant) error {
	n, err := tx.Exec(ctx, `UPDATE billing_grants SET used = $1, revoked_at = $2 WHERE id = $3 AND used = $4 AND revoked_at = $5`,
		g.Used, store.Millis(g.Revoked), g.ID, was.Used, store.Millis(was.Revoked))
	if err == nil && n == 0 {
		return errSettled
	}
	return err
}

// readSettled returns nil when credit was not looked for in the month.
func readSettled(ctx context.Context, q store.Q, org string, month time.Time) (*settled, error) {
	var s settled
	var at int64
	err := q.QueryRow(ctx, `SELECT spend, credit, settled_at FROM billing_settled WHERE org_id = $1 AND month = $2`, org, monthName(month)).Scan(&s.spend, &s.credit, &at)
	if errors.Is(err, store.ErrNoRows) {
		return nil, nil
	}
	s.at = store.Time(at)
	return &s, err
}

// errSettled says that somebody else reckoned meanwhile, or changed a grant.
var errSettled = errors.New("billing: the credit was reckoned by somebody else")

// writeSettled replaces what was there before, and fails with errSettled when something else is.
func writeSettled(ctx context.Context, tx *store.Tx, org string, month time.Time, before *settled, s settled) error {
	var n int64
	var err error
	if before == nil {
		n, err = tx.Exec(ctx, `INSERT INTO billing_settled (org_id, month, spend, credit, settled_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
			org, monthName(month), s.spend, s.credit, store.Millis(s.at))
	} else {
		n, err = tx.Exec(ctx, `UPDATE billing_settled SET spend = $1, credit = $2, settled_at = $3 WHERE org_id = $4 AND month = $5 AND spend = $6 AND credit = $7 AND settled_at = $8`,
			s.spend, s.credit, store.Millis(s.at), org, monthName(month), before.spend, before.credit, store.Millis(before.at))
	}
	if err == nil && n == 0 {
		return errSettled
	}
	return err
}

// forget removes an organization's rows and returns how many there were, by table.
func forget(ctx context.Context, tx *store.Tx, org string) (map[string]int64, error) {
	out := map[string]int64{}
	for _, table := range []string{"billing_accounts", "billing_budgets", "billing_notices", "billing_grants", "billing_settled"} {
		n, err := tx.Exec(ctx, `DELETE FROM `+table+` WHERE org_id = $1`, org)
		if err != nil {
			return nil, err
		}
		out[table] = n
	}
	return out, nil
}
