package billing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/billing/pdf"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/ids"
	"github.com/parley-ai/parley/internal/store"
)

// closeAfter is how long after its end a month is closed: what is on its way into the books by then is part of it.
const closeAfter = time.Hour

// Units of lines.
const (
	InputTokens  = "input_tokens"
	CachedTokens = "cached_tokens"
	OutputTokens = "output_tokens"
	LateRequests = "late_requests" // of an earlier month, that came into the books after it was closed
)

// Invoice is what an organization owes for a month. It is never changed. Money is billionths of a US dollar.
type Invoice struct {
	ID      string
	Number  int64 // of the installation, from 1 on, without gaps
	Org     string
	Month   string // "2023-11", in UTC
	Created time.Time
	Document
}

// Document is all that stands on an invoice besides its number and date.
type Document struct {
	Seller   Party  `json:"seller"`
	Buyer    Party  `json:"buyer"`
	Note     string `json:"note,omitempty"` // the seller's, at the end
	Lines    []Line `json:"lines"`
	Subtotal int64  `json:"subtotal"` // of the lines
	Credit   int64  `json:"credit"`   // of it, what credit paid
	Total    int64  `json:"total"`    // what is left
	Used     int64  `json:"used"`     // of the subtotal, what requests of the month itself cost
}

// Party is who sells or buys.
type Party struct {
	Name    string `json:"name"`
	Address string `json:"address,omitempty"`
}

// Line is what one model was used for.
type Line struct {
	Model    string `json:"model"`
	Unit     string `json:"unit"`
	Quantity int64  `json:"quantity"`
	Amount   int64  `json:"amount"`
}

// Price is what 1,000 of the line's unit cost, in US dollars, on the average of the month; 0 where nothing was counted.
func (l Line) Price() float64 {
	if l.Quantity == 0 {
		return 0
	}
	return float64(l.Amount) / float64(l.Quantity) * 1000 / billion
}

// linesOf writes what models were used for, without what cost nothing. They come to the cost to the billionth.
func linesOf(used []Used) (lines []Line, cost int64) {
	for _, u := range used {
		cost += u.Cost
		for _, l := range []Line{
			{u.Model, InputTokens, u.Prompt - u.Cached, u.Cost - u.CachedCost - u.OutputCost},
			{u.Model, CachedTokens, u.Cached, u.CachedCost},
			{u.Model, OutputTokens, u.Output, u.OutputCost},
		} {
			if l.Amount != 0 {
				lines = append(lines, l)
			}
		}
	}
	slices.SortStableFunc(lines, func(a, b Line) int { return strings.Compare(a.Model, b.Model) })
	return lines, cost
}

// startMonths makes the month in which billing begins the first that is closed.
func (s *Service) startMonths(ctx context.Context) error {
	return s.o.DB.Tx(ctx, func(tx *store.Tx) error {
		last, err := lastClosed(ctx, tx)
		if err != nil || last != "" {
			return err
		}
		now := s.o.Clock.Now()
		_, err = writeClosed(ctx, tx, monthOf(now).AddDate(0, -1, 0), now)
		return err
	})
}

// CloseMonths makes the invoices of every month that has ended an hour ago and more, and that was not closed yet.
func (s *Service) CloseMonths(ctx context.Context) (err error) {
	defer fault.Wrap(&err, "billing.CloseMonths")
	for {
		last, err := lastClosed(ctx, s.o.DB.Read())
		if err != nil {
			return err
		}
		closed, err := time.Parse("2006-01", last)
		if err != nil {
			return fmt.Errorf("the last month that was closed is %q: %w", last, err)
		}
		month := closed.AddDate(0, 1, 0)
		if s.o.Clock.Now().Before(month.AddDate(0, 1, 0).Add(closeAfter)) {
			return nil
		}
		if err := s.closeMonth(ctx, month); err != nil {
			return err
		}
	}
}

// closeMonth makes the invoices of a month. It may be called again when it failed in the middle, and on two servers at once.
func (s *Service) closeMonth(ctx context.Context, month time.Time) error {
	if err := s.o.Books.Settle(ctx, true); err != nil {
		return err
	}
	orgs, err := s.o.Owners.Founded(ctx)
	if err != nil {
		return err
	}
	list := make([]string, 0, len(orgs))
	for org := range orgs {
		list = append(list, org)
	}
	slices.SortFunc(list, func(a, b string) int { return orgs[a].Compare(orgs[b]) })
	for _, org := range list {
		if err := s.invoice(ctx, org, month); err != nil {
			return fmt.Errorf("the invoice of %s for %s: %w", org, monthName(month), err)
		}
	}
	return s.o.DB.Tx(ctx, func(tx *store.Tx) error {
		_, err := writeClosed(ctx, tx, month, s.o.Clock.Now())
		return err
	})
}

// invoice makes an organization's invoice of a month, if there is something to write on it.
func (s *Service) invoice(ctx context.Context, org string, month time.Time) error {
	used, err := s.o.Books.Lines(ctx, org, month, month.AddDate(0, 1, 0))
	if err != nil {
		return err
	}
	d := Document{}
	d.Lines, d.Used = linesOf(used)
	d.Subtotal = d.Used
	late, err := s.late(ctx, org, month.AddDate(0, -1, 0))
	if err != nil {
		return err
	}
	if late > 0 {
		d.Lines = append(d.Lines, Line{Unit: LateRequests, Amount: late})
		d.Subtotal += late
	}
	if d.Subtotal == 0 {
		return nil
	}
	if _, err := s.settle(ctx, org, month, d.Used, false); err != nil {
		return err
	}
	name, _, err := s.o.Person(ctx, org)
	if err != nil {
		return err
	}
	for range 10 { // servers that close the same month may choose the same number
		err = s.o.DB.Tx(ctx, func(tx *store.Tx) error { return s.write(ctx, tx, org, month, name, d) })
		if !store.IsUnique(err) {
			return err
		}
	}
	return err
}

// late is what requests of a closed month have cost that were not in the books when it was closed. They would be in no invoice.
func (s *Service) late(ctx context.Context, org string, month time.Time) (int64, error) {
	closed, err := isClosed(ctx, s.o.DB.Read(), month)
	if err != nil || !closed {
		return 0, err
	}
	first, err := firstClosed(ctx, s.o.DB.Read())
	if err != nil || first == monthName(month) {
		return 0, err // the month before billing began
	}
	books, err := s.o.Books.Spent(ctx, org, month, month.AddDate(0, 1, 0))
	if err != nil {
		return 0, err
	}
	was, err := invoiceOf(ctx, s.o.DB.Read(), org, month)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return 0, err
	}
	return max(0, total(books)-was.Used), nil
}

// write gives an invoice its number, with a line of the audit log.
func (s *Service) write(ctx context.Context, tx *store.Tx, org string, month time.Time, name string, d Document) error {
	if _, err := invoiceOf(ctx, tx, org, month); fault.KindOf(err) != fault.NotFound || err == nil {
		return err // another server, or this one before it failed
	}
	seller, err := readSeller(ctx, tx)
	if err != nil {
		return err
	}
	account, err := readAccount(ctx, tx, org)
	if err != nil {
		return err
	}
	paid, err := readSettled(ctx, tx, org, month)
	if err != nil {
		return err
	}
	d.Seller, d.Note = Party{seller.Name, seller.Address}, seller.Note
	d.Buyer = Party{name, account.Address}
	if account.Name != "" {
		d.Buyer.Name = account.Name
	}
	if paid != nil {
		d.Credit = min(paid.credit, d.Subtotal)
	}
	d.Total = d.Subtotal - d.Credit
	n, err := lastNumber(ctx, tx)
	if err != nil {
		return err
	}
	in := Invoice{ID: ids.New("inv_"), Number: n + 1, Org: org, Month: monthName(month), Created: s.o.Clock.Now(), Document: d}
	if err := insertInvoice(ctx, tx, in); err != nil {
		return err
	}
	return s.record(ctx, tx, actor.Actor{}, org, audit.Event{Type: "invoice.created", Object: in.ID,
		After: map[string]any{"number": in.Number, "month": in.Month, "subtotal": usd(d.Subtotal), "credit": usd(d.Credit), "total": usd(d.Total)}})
}

// Invoices returns a page of an organization's invoices, by default the newest first.
func (s *Service) Invoices(ctx context.Context, org string, p store.Paging) (_ []Invoice, more bool, err error) {
	defer fault.Wrap(&err, "billing.Invoices")
	list, more, err := readInvoices(ctx, s.o.DB.Read(), org, p)
	var cursor *store.CursorError
	if errors.As(err, &cursor) {
		return nil, false, fault.Param(cursor.Param, "No such invoice: %s", clip(cursor.ID))
	}
	return list, more, err
}

// Invoice returns one of an organization's invoices, any when org is empty.
func (s *Service) Invoice(ctx context.Context, org, id string) (_ Invoice, err error) {
	defer fault.Wrap(&err, "billing.Invoice")
	return findInvoice(ctx, s.o.DB.Read(), org, id)
}

// PDF writes an invoice as a document of A4 pages.
func (in Invoice) PDF() ([]byte, error) {
	p := pdf.Invoice{
		Number: in.Name(), Date: in.Created.UTC().Format(time.DateOnly), Month: in.Month, Issued: in.Created,
		Seller: pdf.Party(in.Seller), Buyer: pdf.Party(in.Buyer), BuyerID: in.Org, Note: in.Note,
		Subtotal: "$" + dollars(in.Subtotal), Credit: "$" + dollars(in.Credit), Total: "$" + dollars(in.Total),
	}
	if in.Credit > 0 {
		p.Credit = "-" + p.Credit
	}
	for _, l := range in.Lines {
		row := pdf.Line{Model: l.Model, Unit: strings.ReplaceAll(l.Unit, "_", " "), Amount: "$" + dollars(l.Amount)}
		if l.Quantity > 0 {
			row.Quantity, row.Price = thousands(l.Quantity), "$"+decimal(l.Price())
		}
		p.Lines = append(p.Lines, row)
	}
	return p.Write()
}

// Name is the invoice's number as it is written.
func (in Invoice) Name() string { return fmt.Sprintf("INV-%06d", in.Number) }

// thousands writes a count with commas.
func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// decimal writes a price with as many decimals as it has, nine at most.
func decimal(v float64) string {
	s := strings.TrimRight(fmt.Sprintf("%.9f", v), "0")
	return strings.TrimSuffix(s, ".")
}

// Seller is who sells: it stands on invoices that are made from now on.
type Seller struct {
	Name    string `json:"name"`
	Address string `json:"address"` // of several lines
	Note    string `json:"note"`    // at the end of invoices, of several lines: a bank account, a number of a register
}

// Seller returns it.
func (s *Service) Seller(ctx context.Context) (Seller, error) { return readSeller(ctx, s.o.DB.Read()) }

// SellerChange is what of the seller is to change; nil stays.
type SellerChange struct{ Name, Address, Note *string }

// SetSeller changes it. It is the operator's.
func (s *Service) SetSeller(ctx context.Context, who actor.Actor, change SellerChange) (next Seller, err error) {
	defer fault.Wrap(&err, "billing.SetSeller")
	err = s.o.DB.Tx(ctx, func(tx *store.Tx) error {
		before, err := readSeller(ctx, tx)
		if err != nil {
			return err
		}
		next = before
		for _, m := range []struct{ to, from *string }{{&next.Name, change.Name}, {&next.Address, change.Address}, {&next.Note, change.Note}} {
			if m.from != nil {
				*m.to = *m.from
			}
		}
		if err := errors.Join(line("name", next.Name, maxName), block("address", next.Address, maxAddress), block("note", next.Note, maxAddress)); err != nil {
			return err
		}
		if err := writeSeller(ctx, tx, next, s.o.Clock.Now()); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, audit.Event{Type: "billing_seller.updated", Object: "seller", Before: before, After: next})
	})
	return next, err
}
