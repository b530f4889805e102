package jinja

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// formatter fills one format string.
type formatter struct {
	r     *run
	self  any // the format string; when Markup, what goes in is escaped
	args  *args
	auto  int  // next automatic number
	named bool // a field was numbered by hand
}

// format is Python's str.format.
func (r *run) format(s string, self any, a *args) string {
	return (&formatter{r: r, self: self, args: a}).fill(s, 2)
}

func (f *formatter) fill(s string, depth int) string {
	if depth < 0 {
		raise("ValueError", "Max string recursion exceeded")
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '{' && c != '}' {
			b.WriteByte(c)
			continue
		}
		if i+1 < len(s) && s[i+1] == c {
			b.WriteByte(c)
			i++
			continue
		}
		if c == '}' {
			raise("ValueError", "Single '}' encountered in format string")
		}
		end, open := i+1, 1
		for ; end < len(s); end++ {
			if s[end] == '{' {
				open++
			} else if s[end] == '}' {
				if open--; open == 0 {
					break
				}
			}
		}
		if end == len(s) {
			raise("ValueError", "expected '}' before end of string")
		}
		b.WriteString(f.r.made(f.field(s[i+1:end], depth)))
		i = end
	}
	return b.String()
}

// field formats one {name!conversion:spec}.
func (f *formatter) field(s string, depth int) string {
	name, spec := s, ""
	conversion := byte(0)
	if at := strings.IndexAny(s, "!:"); at >= 0 {
		name = s[:at]
		rest := s[at+1:]
		if s[at] == '!' {
			if rest == "" || len(rest) > 1 && rest[1] != ':' {
				raise("ValueError", "expected ':' after conversion specifier")
			}
			conversion = rest[0]
			rest = strings.TrimPrefix(rest[1:], ":")
		}
		spec = rest
	}
	v := f.lookup(name)
	switch conversion {
	case 0:
	case 's':
		v = str(v)
	case 'r', 'a':
		v = repr(v)
	default:
		raise("ValueError", "Unknown conversion specifier %c", conversion)
	}
	if strings.Contains(spec, "{") {
		spec = f.fill(spec, depth-1)
	}
	out := f.r.formatValue(v, spec)
	if _, ok := f.self.(markup); ok {
		if _, safe := v.(markup); !safe {
			out = string(escape(out))
		}
	}
	return out
}

// lookup finds the value of a field name such as 0.name[key].
func (f *formatter) lookup(name string) any {
	end := strings.IndexAny(name, ".[")
	if end < 0 {
		end = len(name)
	}
	first, rest := name[:end], name[end:]
	var v any
	number, err := strconv.Atoi(first)
	switch {
	case first == "" && f.named:
		raise("ValueError", "cannot switch from manual field specification to automatic field numbering")
	case first == "":
		number, err = f.auto, nil
		f.auto++
	case err == nil && f.auto > 0:
		raise("ValueError", "cannot switch from manual field specification to automatic field numbering")
	case err == nil:
		f.named = true
	}
	if err == nil {
		if number < 0 || number >= len(f.args.positional) {
			raise("IndexError", "Replacement index %d out of range for positional args tuple", number)
		}
		v = f.args.positional[number]
	} else {
		at := slices.Index(f.args.names, first)
		if at < 0 {
			raise("KeyError", "%s", repr(first))
		}
		v = f.args.named[at]
	}
	for rest != "" {
		if rest[0] == '.' {
			end := strings.IndexAny(rest[1:], ".[") + 1
			if end == 0 {
				end = len(rest)
			}
			v = (&attrExpr{&constExpr{v}, rest[1:end]}).eval(f.r)
			rest = rest[end:]
			continue
		}
		end := strings.IndexByte(rest, ']')
		if end < 0 || rest[0] != '[' {
			raise("ValueError", "Missing ']' in format string")
		}
		var key any = rest[1:end]
		if n, err := strconv.ParseInt(rest[1:end], 10, 64); err == nil {
			key = n
		}
		v = f.r.getItem(v, key)
		rest = rest[end+1:]
	}
	return v
}

// formatSpec is [[fill]align][sign][#][0][width][grouping][.precision][type].
type formatSpec struct {
	fill             string
	align, sign      byte
	alternate        bool
	width, precision int // precision -1 when absent
	grouping, kind   byte
}

// maxWidth bounds widths and precisions.
const maxWidth = 1 << 20

func parseSpec(s string) formatSpec {
	f := formatSpec{fill: " ", precision: -1}
	isAlign := func(s string) bool { return s != "" && strings.IndexByte("<>=^", s[0]) >= 0 }
	if _, n := utf8.DecodeRuneInString(s); s != "" && isAlign(s[n:]) {
		f.fill, f.align, s = s[:n], s[n], s[n+1:]
	} else if isAlign(s) {
		f.align, s = s[0], s[1:]
	}
	take := func(set string) byte {
		if s != "" && strings.IndexByte(set, s[0]) >= 0 {
			c := s[0]
			s = s[1:]
			return c
		}
		return 0
	}
	number := func() int {
		n := 0
		for s != "" && s[0] >= '0' && s[0] <= '9' {
			if n = n*10 + int(s[0]-'0'); n > maxWidth {
				raise("LimitError", "width or precision is too large")
			}
			s = s[1:]
		}
		return n
	}
	f.sign = take("+- ")
	f.alternate = take("#") != 0
	if take("0") != 0 && f.align == 0 {
		f.fill, f.align = "0", '='
	}
	f.width = number()
	f.grouping = take(",_")
	if take(".") != 0 {
		if s == "" || s[0] < '0' || s[0] > '9' {
			raise("ValueError", "Format specifier missing precision")
		}
		f.precision = number()
	}
	f.kind = take("bcdeEfFgGnosxX%")
	if s != "" {
		raise("ValueError", "Invalid format specifier")
	}
	return f
}

// formatValue is Python's format(v, spec).
func (r *run) formatValue(v any, spec string) string {
	if spec == "" {
		return str(v)
	}
	_, isText := text(v)
	if !isText && !isNumber(v) {
		failUndefined(v)
		raise("TypeError", "unsupported format string passed to %s.__format__", typeName(v))
	}
	f := parseSpec(spec)
	r.charge(f.width + max(f.precision, 0))
	if s, ok := text(v); ok {
		if f.kind != 0 && f.kind != 's' {
			raise("ValueError", "Unknown format code '%c' for object of type 'str'", f.kind)
		}
		if f.sign != 0 || f.align == '=' && f.fill != "0" {
			raise("ValueError", "'=' alignment or sign not allowed in string format specifier")
		}
		if f.precision >= 0 {
			s = substring(s, 0, f.precision)
		}
		if f.align == 0 || f.align == '=' {
			f.align = '<'
		}
		return f.pad("", s)
	}
	if n, ok := integer(v); ok && strings.IndexByte("eEfFgG%", f.kind) < 0 {
		if f.precision >= 0 {
			raise("ValueError", "Precision not allowed in integer format specifier")
		}
		return f.integer(n)
	}
	return f.float(toFloat(v))
}

func (f formatSpec) pad(sign, digits string) string {
	n := f.width - utf8.RuneCountInString(sign) - utf8.RuneCountInString(digits)
	if n <= 0 {
		return sign + digits
	}
	switch f.align {
	case '<':
		return sign + digits + strings.Repeat(f.fill, n)
	case '=':
		return sign + strings.Repeat(f.fill, n) + digits
	case '^':
		return strings.Repeat(f.fill, n/2) + sign + digits + strings.Repeat(f.fill, n-n/2)
	}
	return strings.Repeat(f.fill, n) + sign + digits
}

func (f formatSpec) signOf(negative bool) string {
	switch {
	case negative:
		return "-"
	case f.sign == '+' || f.sign == ' ':
		return string(f.sign)
	}
	return ""
}

func (f formatSpec) integer(v any) string {
	n := toBig(v)
	abs := new(big.Int).Abs(n)
	sign := f.signOf(n.Sign() < 0)
	base, prefix, every := 10, "", 3
	switch f.kind {
	case 'c':
		if !n.IsInt64() || n.Int64() < 0 || n.Int64() > utf8.MaxRune {
			raise("OverflowError", "%%c arg not in range(0x110000)")
		}
		if f.align == 0 {
			f.align = '<'
		}
		return f.pad("", string(rune(n.Int64())))
	case 'b':
		base, prefix, every = 2, "0b", 4
	case 'o':
		base, prefix, every = 8, "0o", 4
	case 'x':
		base, prefix, every = 16, "0x", 4
	case 'X':
		base, prefix, every = 16, "0X", 4
	case 's':
		raise("ValueError", "Unknown format code 's' for object of type 'int'")
	}
	digits := abs.Text(base)
	if f.kind == 'X' {
		digits = strings.ToUpper(digits)
	}
	if f.alternate {
		sign += prefix
	}
	return f.pad(sign, f.group(digits, len(sign), every))
}

// group puts the grouping character between digits; zeros that fill the width are grouped as well.
func (f formatSpec) group(digits string, taken, every int) string {
	if f.grouping == 0 {
		return digits
	}
	whole, fraction := digits, ""
	if at := strings.IndexAny(digits, ".e%"); at >= 0 {
		whole, fraction = digits[:at], digits[at:]
	}
	length := func(n int) int { return n + (n-1)/every + len(fraction) + taken }
	if f.align == '=' && f.fill == "0" {
		for length(len(whole)) < f.width {
			whole = "0" + whole
		}
		if length(len(whole)) > f.width && whole[0] == '0' && len(whole)%every == 1 && len(whole) > 1 {
			whole = whole[1:]
		}
	}
	var b strings.Builder
	for i := range len(whole) {
		if i > 0 && (len(whole)-i)%every == 0 {
			b.WriteByte(f.grouping)
		}
		b.WriteByte(whole[i])
	}
	return b.String() + fraction
}

func (f formatSpec) float(x float64) string {
	sign := f.signOf(math.Signbit(x) && !math.IsNaN(x))
	x = math.Abs(x)
	precision := f.precision
	if precision < 0 {
		precision = 6
	}
	var digits string
	switch {
	case math.IsNaN(x) || math.IsInf(x, 0):
		digits = formatFloat(x)
	case f.kind == 'e' || f.kind == 'E':
		digits = strconv.FormatFloat(x, 'e', precision, 64)
	case f.kind == 'f' || f.kind == 'F':
		digits = strconv.FormatFloat(x, 'f', precision, 64)
	case f.kind == '%':
		digits = strconv.FormatFloat(x*100, 'f', precision, 64) + "%"
	case f.kind == 0 && f.precision < 0:
		digits = formatFloat(x)
	default:
		digits = strconv.FormatFloat(x, 'g', max(precision, 1), 64)
		if f.kind == 0 && !strings.ContainsAny(digits, ".e") {
			digits += ".0"
		}
	}
	if f.kind == 'E' || f.kind == 'G' || f.kind == 'F' {
		digits = strings.ToUpper(digits)
	}
	return f.pad(sign, f.group(digits, len(sign), 3))
}

// printf is Python's s % v.
func (r *run) printf(s string, self, v any) string {
	positional := []any{v}
	if t, ok := v.(Tuple); ok {
		positional = t
	}
	mapping, _ := v.(*Dict)
	// What can be indexed may stand for a mapping, and then need not be used up.
	unused := true
	switch v.(type) {
	case *Dict, *List, rangeValue, *undefined:
		unused = false
	}
	used := 0
	next := func() any {
		if used >= len(positional) {
			raise("TypeError", "not enough arguments for format string")
		}
		used++
		return positional[used-1]
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		var arg any = absent{}
		if i++; i < len(s) && s[i] == '(' {
			end := strings.IndexByte(s[i:], ')')
			if end < 0 || mapping == nil {
				raise("TypeError", "format requires a mapping")
			}
			val, ok := mapping.Get(s[i+1 : i+end])
			if !ok {
				raise("KeyError", "%s", repr(s[i+1:i+end]))
			}
			arg, used = val, len(positional)
			i += end + 1
		}
		f := formatSpec{fill: " ", precision: -1}
		for ; i < len(s) && strings.IndexByte("-+ #0", s[i]) >= 0; i++ {
			switch s[i] {
			case '-':
				f.align = '<'
			case '0':
				if f.align == 0 {
					f.fill, f.align = "0", '='
				}
			case '#':
				f.alternate = true
			default:
				f.sign = s[i]
			}
		}
		number := func() int {
			if i < len(s) && s[i] == '*' {
				i++
				return orInt(next(), 0)
			}
			from := i
			for i < len(s) && s[i] >= '0' && s[i] <= '9' {
				i++
			}
			n, _ := strconv.Atoi(s[from:i])
			return n
		}
		f.width = number()
		if i < len(s) && s[i] == '.' {
			i++
			f.precision = number()
		}
		if f.width > maxWidth || f.precision > maxWidth {
			raise("LimitError", "width or precision is too large")
		}
		if i == len(s) {
			raise("ValueError", "incomplete format")
		}
		f.kind = s[i]
		if f.kind == '%' {
			b.WriteByte('%')
			continue
		}
		if _, missing := arg.(absent); missing {
			arg = next()
		}
		b.WriteString(r.made(r.printfValue(f, arg, self)))
	}
	if used < len(positional) && unused {
		raise("TypeError", "not all arguments converted during string formatting")
	}
	return b.String()
}

func (r *run) printfValue(f formatSpec, v, self any) string {
	switch f.kind {
	case 's', 'r', 'a':
		s := str(v)
		if f.kind != 's' {
			s = repr(v)
		}
		if _, ok := self.(markup); ok {
			if _, safe := v.(markup); !safe {
				s = string(escape(s))
			}
		}
		if f.precision >= 0 {
			s = substring(s, 0, f.precision)
		}
		if f.fill == "0" {
			f.fill, f.align = " ", '>'
		}
		return f.pad("", s)
	case 'c':
		if s, ok := text(v); ok && utf8.RuneCountInString(s) == 1 {
			return f.pad("", s)
		}
		if n, ok := integer(v); ok {
			return f.integer(n)
		}
		failUndefined(v)
		raise("TypeError", "%%c requires int or char")
	case 'd', 'i', 'u', 'o', 'x', 'X':
		if x, ok := v.(float64); ok && strings.IndexByte("diu", f.kind) >= 0 {
			v = floatToInt(x)
		}
		if n, ok := integer(v); ok {
			if f.kind == 'i' || f.kind == 'u' {
				f.kind = 'd'
			}
			return f.integer(n)
		}
		failUndefined(v)
		raise("TypeError", "%%%c format: a real number is required, not %s", f.kind, typeName(v))
	case 'e', 'E', 'f', 'F', 'g', 'G':
		if isNumber(v) {
			return f.float(toFloat(v))
		}
		failUndefined(v)
		raise("TypeError", "must be real number, not %s", typeName(v))
	}
	raise("ValueError", "unsupported format character '%s' (0x%x)", fmt.Sprintf("%c", f.kind), f.kind)
	return ""
}
