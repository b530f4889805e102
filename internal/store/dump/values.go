package dump

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Kind is what a column holds.
type Kind string

// The kinds of columns.
const (
	Int   Kind = "int"
	Bool  Kind = "bool"
	Text  Kind = "text"
	Bytes Kind = "bytes"
	Real  Kind = "real"
)

// Column is a column of a table.
type Column struct {
	Name string `json:"name"`
	Kind Kind   `json:"kind"`
}

// Table is a table with its columns in their order.
type Table struct {
	Name    string   `json:"name"`
	Columns []Column `json:"columns"`
}

// ErrRows says that bytes are no rows.
var ErrRows = errors.New("dump: these bytes are no rows")

// AppendRow adds a row to b. Values are int64, bool, string, []byte, float64 or nil. A value is a letter and, for numbers,
// eight bytes; for texts and bytes their length as a varint and themselves.
func AppendRow(b []byte, row []any) ([]byte, error) {
	for _, v := range row {
		switch v := v.(type) {
		case nil:
			b = append(b, 'n')
		case int64:
			b = binary.BigEndian.AppendUint64(append(b, 'i'), uint64(v)) // #nosec G115 -- the bits
		case float64:
			b = binary.BigEndian.AppendUint64(append(b, 'r'), math.Float64bits(v))
		case bool:
			b = append(b, map[bool]byte{true: 't', false: 'f'}[v])
		case string:
			b = append(binary.AppendUvarint(append(b, 's'), uint64(len(v))), v...)
		case []byte:
			b = append(binary.AppendUvarint(append(b, 'b'), uint64(len(v))), v...)
		default:
			return b, fmt.Errorf("dump: a value of type %T cannot be carried", v)
		}
	}
	return b, nil
}

// Rows reads what AppendRow wrote, rows of width values, most of them at a time, and returns what is left: a row takes a
// multiple of its bytes in memory.
func Rows(b []byte, width, most int) (rows [][]any, rest []byte, err error) {
	if width <= 0 {
		return nil, nil, ErrRows
	}
	for len(b) > 0 && len(rows) < most {
		row := make([]any, width)
		for i := range row {
			if row[i], b, err = value(b); err != nil {
				return nil, nil, err
			}
		}
		rows = append(rows, row)
	}
	return rows, b, nil
}

func value(b []byte) (any, []byte, error) {
	if len(b) == 0 {
		return nil, nil, ErrRows
	}
	tag, b := b[0], b[1:]
	switch tag {
	case 'n':
		return nil, b, nil
	case 't', 'f':
		return tag == 't', b, nil
	case 'i', 'r':
		if len(b) < 8 {
			return nil, nil, ErrRows
		}
		u := binary.BigEndian.Uint64(b)
		if tag == 'r' {
			return math.Float64frombits(u), b[8:], nil
		}
		return int64(u), b[8:], nil // #nosec G115 -- the bits
	case 's', 'b':
		n, size := binary.Uvarint(b)
		if size <= 0 || n > uint64(len(b)-size) {
			return nil, nil, ErrRows
		}
		data, rest := b[size:size+int(n)], b[size+int(n):] // #nosec G115 -- at most len(b)
		if tag == 's' {
			return string(data), rest, nil
		}
		return append([]byte{}, data...), rest, nil
	}
	return nil, nil, ErrRows
}

// as brings a value into the form of a column: SQLite keeps truth as 0 and 1, and may keep text as bytes.
func (k Kind) as(v any) (any, error) {
	switch x := v.(type) {
	case nil:
		return nil, nil
	case int64:
		switch k {
		case Int:
			return x, nil
		case Bool:
			return x != 0, nil
		case Real:
			return float64(x), nil
		}
	case bool:
		switch k {
		case Bool:
			return x, nil
		case Int:
			if x {
				return int64(1), nil
			}
			return int64(0), nil
		}
	case float64:
		if k == Real {
			return x, nil
		}
	case string:
		switch k {
		case Text:
			return x, nil
		case Bytes:
			return []byte(x), nil
		}
	case []byte:
		switch k {
		case Bytes:
			return x, nil
		case Text:
			return string(x), nil
		}
	}
	return nil, fmt.Errorf("dump: %T is no value of a column of kind %s", v, k)
}
