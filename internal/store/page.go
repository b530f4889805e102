package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/parley-ai/parley/internal/fault"
)

// Limits of a page, as OpenAI's lists have them.
const (
	DefaultPage = 20
	MaxPage     = 100
)

// Paging is what a client asks of a list: `limit`, `order`, `after`, `before`.
type Paging struct {
	Limit  int    // 1–100; 0 is 20
	Order  string // "asc" or "desc" by time of creation; empty is "desc"
	After  string // id of the last row of the page before; empty is the beginning
	Before string // id of the first row of the page after
}

// Check refuses a limit or an order out of range with the original's words.
func (p Paging) Check() error { return p.within(MaxPage) }

func (p Paging) within(most int) error {
	switch {
	case p.Limit < 0:
		return fault.Param("limit", "%d is less than the minimum of 1 - 'limit'", p.Limit).WithCode("integer_below_min_value")
	case p.Limit > most:
		return fault.Param("limit", "%d is greater than the maximum of %d - 'limit'", p.Limit, most).WithCode("integer_above_max_value")
	case p.Order != "" && p.Order != "asc" && p.Order != "desc":
		return fault.Param("order", "'%s' is not one of ['asc', 'desc'] - 'order'", p.Order).WithCode("invalid_value")
	}
	return nil
}

// List is a table, or a part of one, to page through in the order of (Time, ID).
type List struct {
	Columns string // what scan reads: "id, created_at, title"
	From    string // "chats", or a join
	Where   string // ownership first: "org_id = $1 AND project_id = $2"
	Args    []any  // of Where
	Time    string // BIGINT column; empty is created_at
	ID      string // unique column; empty is id
	Max     int    // largest limit; 0 is MaxPage
}

// CursorError says that `after` or `before` names no row of the list. The caller decides what
// that means: most lists of the original answer 400, some an empty page.
type CursorError struct{ Param, ID string }

func (e *CursorError) Error() string {
	return fmt.Sprintf("no row %q to page from (%s)", e.ID, e.Param)
}

// Page returns one page of the list and whether there is more behind it, in the order's direction.
// With Before alone it is the page that ends right before that row. Errors: those of Check, *CursorError.
func Page[T any](ctx context.Context, q Q, l List, p Paging, scan func(Scanner) (T, error)) (items []T, more bool, err error) {
	if l.Max == 0 {
		l.Max = MaxPage
	}
	if err := p.within(l.Max); err != nil {
		return nil, false, err
	}
	if p.Limit == 0 {
		p.Limit = DefaultPage
	}
	if l.Time == "" {
		l.Time = "created_at"
	}
	if l.ID == "" {
		l.ID = "id"
	}
	if l.Where == "" {
		l.Where = "TRUE"
	}
	desc := p.Order != "asc"
	// A page before a row is read from that row backwards and turned round.
	back := p.Before != "" && p.After == ""

	args := slices.Clone(l.Args)
	where := "(" + l.Where + ")"
	for _, c := range []struct {
		param, id string
		less      bool // rows that are smaller than the cursor's
	}{{"after", p.After, desc}, {"before", p.Before, !desc}} {
		if c.id == "" {
			continue
		}
		at, err := l.cursor(ctx, q, c.param, c.id)
		if err != nil {
			return nil, false, err
		}
		op := ">"
		if c.less {
			op = "<"
		}
		where += fmt.Sprintf(" AND (%s, %s) %s ($%d, $%d)", l.Time, l.ID, op, len(args)+1, len(args)+2)
		args = append(args, at, c.id)
	}
	dir := "ASC"
	if desc != back {
		dir = "DESC"
	}
	query := fmt.Sprintf("SELECT %s FROM %s WHERE %s ORDER BY %s %s, %s %s LIMIT $%d",
		l.Columns, l.From, where, l.Time, dir, l.ID, dir, len(args)+1)
	items, err = Collect(ctx, q, scan, query, append(args, p.Limit+1)...)
	if err != nil {
		return nil, false, err
	}
	if more = len(items) > p.Limit; more {
		items = items[:p.Limit]
	}
	if back {
		slices.Reverse(items)
	}
	return items, more, nil
}

// cursor returns the time of the row that a page starts from, if it is in the list.
func (l List) cursor(ctx context.Context, q Q, param, id string) (at int64, err error) {
	query := fmt.Sprintf("SELECT %s FROM %s WHERE (%s) AND %s = $%d", l.Time, l.From, l.Where, l.ID, len(l.Args)+1)
	if strings.ContainsRune(id, 0) {
		// PostgreSQL refuses the character in any text.
		return 0, &CursorError{param, id}
	}
	err = q.QueryRow(ctx, query, append(slices.Clone(l.Args), id)...).Scan(&at)
	if errors.Is(err, ErrNoRows) {
		return 0, &CursorError{param, id}
	}
	return at, err
}
