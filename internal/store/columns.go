package store

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
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
// column; suffix follows the values ("ON CONFLICT (id) DO NOTHING") and may be empty.
func InsertMany(ctx context.Context, q Q, table, columns string, rows [][]any, suffix string) (inserted int64, err error) {
	width := strings.Count(columns, ",") + 1
	step := max(1, maxArgs/width)
	for start := 0; start < len(rows); start += step {
		part := rows[start:min(start+step, len(rows))]
		var b strings.Builder
		fmt.Fprintf(&b, "INSERT INTO %s (%s) VALUES ", table, columns)
		args := make([]any, 0, len(part)*width)
		for i, row := range part {
			if len(row) != width {
				return inserted, fmt.Errorf("store: InsertMany into %s: row %d has %d values for %d columns", table, start+i, len(row), width)
			}
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString("(" + Placeholders(len(args)+1, width) + ")")
			args = append(args, row...)
		}
		if suffix != "" {
			b.WriteString(" " + suffix)
		}
		n, err := q.Exec(ctx, b.String(), args...)
		if err != nil {
			return inserted, err
		}
		inserted += n
	}
	return inserted, nil
}
