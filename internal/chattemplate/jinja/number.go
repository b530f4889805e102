package jinja

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

func isNumber(v any) bool {
	switch v.(type) {
	case bool, int64, *big.Int, float64:
		return true
	}
	return false
}

// integer gives the int in v (bools are ints in Python) as int64 or *big.Int.
func integer(v any) (any, bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return int64(1), true
		}
		return int64(0), true
	case int64, *big.Int:
		return v, true
	}
	return nil, false
}

func toBig(v any) *big.Int {
	if b, ok := v.(*big.Int); ok {
		return b
	}
	n, _ := integer(v)
	return big.NewInt(n.(int64))
}

func fromBig(b *big.Int) any {
	if b.IsInt64() {
		return b.Int64()
	}
	return b
}

func toFloat(v any) float64 {
	switch v := v.(type) {
	case float64:
		return v
	case *big.Int:
		f, _ := new(big.Float).SetInt(v).Float64()
		if math.IsInf(f, 0) {
			raise("OverflowError", "int too large to convert to float")
		}
		return f
	}
	n, _ := integer(v)
	return float64(n.(int64))
}

func unordered(a, b any) bool {
	x, ok := a.(float64)
	y, ok2 := b.(float64)
	return ok && math.IsNaN(x) || ok2 && math.IsNaN(y)
}

func compareNumbers(a, b any) int {
	x, xf := a.(float64)
	y, yf := b.(float64)
	switch {
	case xf && math.IsInf(x, 0), yf && math.IsInf(y, 0):
		if !xf {
			x = 0
		}
		if !yf {
			y = 0
		}
		fallthrough
	case xf && yf:
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	case xf || yf:
		// An exact comparison: Python does not round the int first.
		return bigFloat(a).Cmp(bigFloat(b))
	}
	i, iok := a.(int64)
	j, jok := b.(int64)
	if iok && jok {
		switch {
		case i < j:
			return -1
		case i > j:
			return 1
		}
		return 0
	}
	return toBig(a).Cmp(toBig(b))
}

func bigFloat(v any) *big.Float {
	if f, ok := v.(float64); ok {
		return big.NewFloat(f)
	}
	return new(big.Float).SetInt(toBig(v))
}

// maxBits bounds integers: 2 ** 100000 ** 1000 in a template must not fill the memory.
const maxBits = 1 << 16

// arithmetic does a op b on numbers.
func arithmetic(op string, a, b any) any {
	_, af := a.(float64)
	_, bf := b.(float64)
	if op == "/" || af || bf {
		return floatArithmetic(op, a, b)
	}
	x, _ := integer(a)
	y, _ := integer(b)
	if i, ok := x.(int64); ok {
		if j, ok := y.(int64); ok {
			if v, ok := smallArithmetic(op, i, j); ok {
				return v
			}
		}
	}
	p, q, out := toBig(x), toBig(y), new(big.Int)
	if p.BitLen()+q.BitLen() > maxBits {
		raise("LimitError", "integer too large")
	}
	switch op {
	case "+":
		out.Add(p, q)
	case "-":
		out.Sub(p, q)
	case "*":
		out.Mul(p, q)
	case "//", "%":
		if q.Sign() == 0 {
			raise("ZeroDivisionError", "integer division or modulo by zero")
		}
		quotient, rest := new(big.Int).QuoRem(p, q, new(big.Int))
		if rest.Sign() != 0 && rest.Sign() != q.Sign() {
			quotient.Sub(quotient, big.NewInt(1))
			rest.Add(rest, q)
		}
		out = quotient
		if op == "%" {
			out = rest
		}
	case "**":
		if q.Sign() < 0 {
			return floatArithmetic(op, a, b)
		}
		if !q.IsInt64() || int64(p.BitLen())*q.Int64() > maxBits {
			raise("LimitError", "integer too large")
		}
		out.Exp(p, q, nil)
	}
	return fromBig(out)
}

// smallArithmetic does what fits in an int64; false when the result may not.
func smallArithmetic(op string, i, j int64) (any, bool) {
	switch op {
	case "+":
		s := i + j
		return s, (s > i) == (j > 0)
	case "-":
		s := i - j
		return s, (s < i) == (j > 0)
	case "*":
		if i == 0 || j == 0 {
			return int64(0), true
		}
		p := i * j
		return p, p/j == i && !(i == -1 && j == math.MinInt64) && !(j == -1 && i == math.MinInt64)
	case "//", "%":
		if j == 0 || j == -1 {
			return nil, false
		}
		q, m := i/j, i%j
		if m != 0 && (m < 0) != (j < 0) {
			q, m = q-1, m+j
		}
		if op == "%" {
			return m, true
		}
		return q, true
	}
	return nil, false
}

func floatArithmetic(op string, a, b any) any {
	x, y := toFloat(a), toFloat(b)
	switch op {
	case "+":
		return x + y
	case "-":
		return x - y
	case "*":
		return x * y
	case "/":
		if y == 0 {
			if _, ok := a.(float64); ok {
				raise("ZeroDivisionError", "float division by zero")
			}
			raise("ZeroDivisionError", "division by zero")
		}
		return x / y
	case "//", "%":
		if y == 0 {
			raise("ZeroDivisionError", "float floor division by zero")
		}
		m := math.Mod(x, y)
		q := (x - m) / y
		if m != 0 && (m < 0) != (y < 0) {
			m += y
			q--
		}
		if op == "%" {
			if m == 0 {
				return math.Copysign(0, y)
			}
			return m
		}
		if q == 0 {
			return math.Copysign(0, x/y)
		}
		f := math.Floor(q)
		if q-f > 0.5 {
			f++
		}
		return f
	}
	if x == 0 && y < 0 {
		raise("ZeroDivisionError", "0.0 cannot be raised to a negative power")
	}
	p := math.Pow(x, y)
	if math.IsInf(p, 0) && !math.IsInf(x, 0) && !math.IsInf(y, 0) {
		raise("OverflowError", "(34, 'Numerical result out of range')")
	}
	return p
}

// formatFloat is Python's repr of a float.
func formatFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	s := strconv.FormatFloat(f, 'e', -1, 64)
	mantissa, exponent, _ := strings.Cut(s, "e")
	n, _ := strconv.Atoi(exponent)
	if n < -4 || n >= 16 {
		sign := exponent[:1]
		digits := strings.TrimLeft(exponent[1:], "0")
		if len(digits) < 2 {
			digits = strings.Repeat("0", 2-len(digits)) + digits
		}
		return mantissa + "e" + sign + digits
	}
	s = strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// parseInt is Python's int(s, base).
func parseInt(s string, base int) (any, bool) {
	s = strings.TrimFunc(s, isSpace)
	if strings.HasPrefix(s, "_") || strings.HasSuffix(s, "_") || strings.Contains(s, "__") || len(s) > 4300 {
		return nil, false
	}
	digits := strings.ReplaceAll(s, "_", "")
	bare := strings.ToLower(strings.TrimLeft(digits, "+-"))
	for prefix, b := range map[string]int{"0x": 16, "0o": 8, "0b": 2} {
		if strings.HasPrefix(bare, prefix) {
			if base != b && base != 0 {
				if !(base == 16 && prefix == "0b") { // 0b1 is hexadecimal 0xb1
					return nil, false
				}
				continue
			}
			digits = strings.Replace(strings.ToLower(digits), prefix, "", 1)
			base = b
			break
		}
	}
	if base == 0 {
		base = 10
	}
	if n, ok := new(big.Int).SetString(digits, base); ok {
		return fromBig(n), true
	}
	return nil, false
}

// parseFloat is Python's float(s).
func parseFloat(s string) (float64, bool) {
	s = strings.TrimFunc(s, isSpace)
	if strings.ContainsAny(s, "xXpP") || strings.HasPrefix(s, "_") || strings.HasSuffix(s, "_") || strings.Contains(s, "__") {
		return 0, false
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	if err != nil && !math.IsInf(f, 0) {
		return 0, false
	}
	return f, true
}

// floatToInt is Python's int(f).
func floatToInt(f float64) any {
	if math.IsNaN(f) {
		raise("ValueError", "cannot convert float NaN to integer")
	}
	if math.IsInf(f, 0) {
		raise("OverflowError", "cannot convert float infinity to integer")
	}
	n, _ := big.NewFloat(f).Int(nil)
	return fromBig(n)
}
