package billing

import (
	"context"
	"errors"
	"time"

	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
)

const invoiceColumns = "id, number, org_id, month, created_at, document"

func scanInvoice(row store.Scanner) (in Invoice, err error) {
	var created int64
	err = row.Scan(&in.ID, &in.Number, &in.Org, &in.Month, &created, store.JSON(&in.Document))
	in.Created = store.Time(created)
	return in, err
}

func readInvoices(ctx context.Context, q store.Q, org string, p store.Paging) ([]Invoice, bool, error) {
	list := store.List{Columns: invoiceColumns, From: "billing_invoices", Where: "1 = 1"}
	if org != "" {
		list.Where, list.Args = "org_id = $1", []any{org}
	}
	return store.Page(ctx, q, list, p, scanInvoice)
}

// findInvoice reads an invoice, of any organization when org is empty.
func findInvoice(ctx context.Context, q store.Q, org, id string) (Invoice, error) {
	in, err := scanInvoice(q.QueryRow(ctx, `SELECT `+invoiceColumns+` FROM billing_invoices WHERE id = $1 AND ($2 = '' OR org_id = $2)`, id, org))
	return in, noInvoice(err, id)
}

// invoiceOf reads an organization's invoice of a month.
func invoiceOf(ctx context.Context, q store.Q, org string, month time.Time) (Invoice, error) {
	in, err := scanInvoice(q.QueryRow(ctx, `SELECT `+invoiceColumns+` FROM billing_invoices WHERE org_id = $1 AND month = $2`, org, monthName(month)))
	return in, noInvoice(err, monthName(month))
}

func noInvoice(err error, which string) error {
	if errors.Is(err, store.ErrNoRows) {
		return fault.New(fault.NotFound, "No such invoice: %s", clip(which)).WithCode("invoice_not_found")
	}
	return err
}

func insertInvoice(ctx context.Context, tx *store.Tx, in Invoice) error {
	_, err := tx.Exec(ctx, `INSERT INTO billing_invoices (`+invoiceColumns+`) VALUES ($1, $2, $3, $4, $5, $6)`,
		in.ID, in.Number, in.Org, in.Month, store.Millis(in.Created), store.JSON(in.Document))
	return err
}

func lastNumber(ctx context.Context, tx *store.Tx) (n int64, err error) {
	err = tx.QueryRow(ctx, `SELECT COALESCE(MAX(number), 0) FROM billing_invoices`).Scan(&n)
	return n, err
}

// lastClosed returns the last month that was closed, firstClosed the first; empty when none was.
func lastClosed(ctx context.Context, q store.Q) (month string, err error) {
	err = q.QueryRow(ctx, `SELECT COALESCE(MAX(month), '') FROM billing_months`).Scan(&month)
	return month, err
}

func firstClosed(ctx context.Context, q store.Q) (month string, err error) {
	err = q.QueryRow(ctx, `SELECT COALESCE(MIN(month), '') FROM billing_months`).Scan(&month)
	return month, err
}

func isClosed(ctx context.Context, q store.Q, month time.Time) (bool, error) {
	var n int
	err := q.QueryRow(ctx, `SELECT COUNT(*) FROM billing_months WHERE month = $1`, monthName(month)).Scan(&n)
	return n > 0, err
}

// writeClosed reports whether this one was the first to close the month.
func writeClosed(ctx context.Context, tx *store.Tx, month, now time.Time) (bool, error) {
	n, err := tx.Exec(ctx, `INSERT INTO billing_months (month, closed_at) VALUES ($1, $2) ON CONFLICT DO NOTHING`, monthName(month), store.Millis(now))
	return n > 0, err
}

func readSeller(ctx context.Context, q store.Q) (s Seller, err error) {
	err = q.QueryRow(ctx, `SELECT name, address, note FROM billing_seller WHERE id = 1`).Scan(&s.Name, &s.Address, &s.Note)
	if errors.Is(err, store.ErrNoRows) {
		err = nil
	}
	return s, err
}

func writeSeller(ctx context.Context, tx *store.Tx, s Seller, now time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO billing_seller (id, name, address, note, updated_at) VALUES (1, $1, $2, $3, $4)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, address = excluded.address, note = excluded.note, updated_at = excluded.updated_at`,
		s.Name, s.Address, s.Note, store.Millis(now))
	return err
}
