package store

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Millis returns t as it lies in a BIGINT column: milliseconds since 1970; the zero time is 0.
func Millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Time returns the time, in UTC, of a column that Millis wrote.
func Time(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// JSONColumn reads and writes a TEXT column that holds JSON; see JSON.
type JSONColumn struct{ v any }

// JSON wraps a value for a TEXT column: as an argument it is written as JSON text, and as a
// destination of Scan, where v is a pointer, it is read from it. NULL leaves *v as it is; a nil
// pointer, map or slice is written as NULL, so that "absent" and "empty" stay apart.
func JSON(v any) JSONColumn { return JSONColumn{v} }

// Value implements driver.Valuer.
func (c JSONColumn) Value() (driver.Value, error) {
	b, err := json.Marshal(c.v)
	if err != nil {
		return nil, fmt.Errorf("store: JSON column: %w", err)
	}
	if string(b) == "null" {
		return nil, nil
	}
	return string(b), nil
}

// Scan implements sql.Scanner.
func (c JSONColumn) Scan(src any) error {
	var b []byte
	switch s := src.(type) {
	case nil:
		return nil
	case string:
		b = []byte(s)
	case []byte:
		b = s
	default:
		return fmt.Errorf("store: JSON column holds %T", src)
	}
	if err := json.Unmarshal(b, c.v); err != nil {
		return fmt.Errorf("store: JSON column: %w", err)
	}
	return nil
}

// Placeholders returns "$from, $from+1, …" for n arguments, for IN lists.
func Placeholders(from, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(from + i))
	}
	return b.String()
}

// maxArgs is the most arguments of one statement that InsertMany uses: both databases take 32,000,
// and beyond some hundred rows per statement nothing is gained.
const maxArgs = 2000

// InsertMany inserts rows with few statements. columns is "id, org_id, …"; each row has one value per
// column; suffix follows the values ("ON CONFLICT (id) DO NOTHING") and may be empty. A statement takes
// a power of two of rows, so that few different ones come up and both databases keep them compiled.
func InsertMany(ctx context.Context, q Q, table, columns string, rows [][]any, suffix string) (inserted int64, err error) {
	width := strings.Count(columns, ",") + 1
	args := make([]any, 0, maxArgs)
	for step := 1 << (bits.Len(uint(max(1, maxArgs/width))) - 1); len(rows) > 0; {
		for step > len(rows) {
			step /= 2
		}
		args = args[:0]
		for _, row := range rows[:step] {
			if len(row) != width {
				return inserted, fmt.Errorf("store: InsertMany into %s: a row has %d values for %d columns", table, len(row), width)
			}
			args = append(args, row...)
		}
		query := insertStatement(insertKey{table, columns, suffix, step}, width)
		var n int64
		if tx, ok := q.(*Tx); ok {
			n, err = tx.execKept(ctx, query, args)
		} else {
			n, err = q.Exec(ctx, query, args...)
		}
		if err != nil {
			return inserted, err
		}
		inserted += n
		rows = rows[step:]
	}
	return inserted, nil
}

// insertKey names a statement of InsertMany.
type insertKey struct {
	table, columns, suffix string
	rows                   int
}

// insertStatements are those of InsertMany: insertKey → string. Tables and columns are constants of
// the program, so that there are no more than some dozens.
var insertStatements sync.Map

func insertStatement(key insertKey, width int) string {
	if q, ok := insertStatements.Load(key); ok {
		return q.(string)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "INSERT INTO %s (%s) VALUES ", key.table, key.columns)
	for i := range key.rows {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("(" + Placeholders(i*width+1, width) + ")")
	}
	if key.suffix != "" {
		b.WriteString(" " + key.suffix)
	}
	q, _ := insertStatements.LoadOrStore(key, b.String())
	return q.(string)
}
