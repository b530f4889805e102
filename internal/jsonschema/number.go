package jsonschema

import (
	"math/big"
	"strings"
)

// plainDigits is how many digits numbers have at most: such numbers are exact as IEEE doubles.
const plainDigits = 15

// interval is the numbers between two bounds, nil being none.
type interval struct {
	low, high         *big.Rat
	openLow, openHigh bool
}

func (iv *interval) above(r *big.Rat, open bool) {
	if iv.low == nil || r.Cmp(iv.low) > 0 || r.Cmp(iv.low) == 0 && open {
		iv.low, iv.openLow = r, open
	}
}

func (iv *interval) below(r *big.Rat, open bool) {
	if iv.high == nil || r.Cmp(iv.high) < 0 || r.Cmp(iv.high) == 0 && open {
		iv.high, iv.openHigh = r, open
	}
}

func (iv *interval) bounded() bool { return iv.low != nil || iv.high != nil }

// empty says that surely no number is in it.
func (iv *interval) empty() bool {
	if iv.low == nil || iv.high == nil {
		return false
	}
	c := iv.low.Cmp(iv.high)
	return c > 0 || c == 0 && (iv.openLow || iv.openHigh)
}

func (iv *interval) has(r *big.Rat) bool {
	if iv.low != nil {
		if c := r.Cmp(iv.low); c < 0 || c == 0 && iv.openLow {
			return false
		}
	}
	if iv.high != nil {
		if c := r.Cmp(iv.high); c > 0 || c == 0 && iv.openHigh {
			return false
		}
	}
	return true
}

// negated mirrors it at 0.
func (iv *interval) negated() interval {
	neg := func(r *big.Rat) *big.Rat {
		if r == nil {
			return nil
		}
		return new(big.Rat).Neg(r)
	}
	return interval{low: neg(iv.high), high: neg(iv.low), openLow: iv.openHigh, openHigh: iv.openLow}
}

// decimal is a number's digits before and behind the point.
type decimal struct{ whole, part string }

// toDecimal writes a number that is not negative; every JSON number has finitely many digits.
func toDecimal(r *big.Rat) decimal {
	places := 0
	for d, ten := new(big.Int).Set(r.Denom()), big.NewInt(10); ; places++ {
		if new(big.Int).Mod(new(big.Int).Exp(ten, big.NewInt(int64(places)), nil), d).Sign() == 0 {
			break
		}
	}
	whole, part, _ := strings.Cut(r.FloatString(places), ".")
	return decimal{whole, strings.TrimRight(part, "0")}
}

// numberState is where a number's text is, in the automaton of bounded numbers.
type numberState struct {
	phase     int8 // 0 before the first digit, 1 in the whole part, 2 behind the point, 3 in the part behind it
	whole     int  // digits before the point
	part      int  // digits behind it
	low, high int8 // the number so far against the bound: below, equal, above
	rest      int64
	zero      bool // the whole part is the digit 0
}

// magnitudes is the automaton of the numbers that are not negative, in an interval, and multiples of
// a step (nil: any).
type magnitudes struct {
	iv        interval
	low, high decimal
	fractions bool // a part behind the point is allowed
	digits    int  // at most, in all
	stepped   bool
	unit      int64 // the step, in units of 10^-scale
	scale     int
	out       *dfa
	number    map[numberState]int
	work      []numberState
}

// maxUnit bounds the remainders that are followed for multipleOf.
const maxUnit = 10_000

// numbers is the automaton of numbers in an interval; fractions allows a part behind the point. It
// returns errTooLarge for steps and bounds with too many digits.
func numbers(iv interval, step *big.Rat, fractions bool, left *budget) (*dfa, error) {
	positive, err := magnitudesOf(iv, step, fractions, false, left)
	if err != nil {
		return nil, err
	}
	mirrored := iv.negated()
	negative, err := magnitudesOf(mirrored, step, fractions, true, left)
	if err != nil {
		return nil, err
	}
	// One automaton: a minus leads into the negative ones.
	d := positive
	offset := len(d.accept)
	for s := range negative.accept {
		d.add(negative.accept[s])
		for _, e := range negative.edges[s] {
			d.edges[offset+s] = append(d.edges[offset+s], edge{e.span, e.to + offset})
		}
	}
	d.edges[d.start] = append(d.edges[d.start], edge{span{'-', '-'}, offset + negative.start})
	return d.tidy(), nil
}

func magnitudesOf(iv interval, step *big.Rat, fractions, negative bool, left *budget) (*dfa, error) {
	zero := new(big.Rat)
	iv.above(zero, negative) // there is no -0
	m := &magnitudes{iv: iv, low: toDecimal(iv.low), fractions: fractions, digits: plainDigits, unit: 1, out: &dfa{}, number: map[numberState]int{}}
	m.digits = max(m.digits, len(m.low.whole)+len(m.low.part)+1)
	if iv.high != nil {
		if iv.high.Sign() < 0 || iv.empty() {
			m.out.add(false)
			return m.out, nil
		}
		m.high = toDecimal(iv.high)
		if n := len(m.high.whole) + len(m.high.part); n <= 20 {
			m.digits = max(m.digits, n)
		}
	}
	if m.digits > 60 {
		return nil, errTooLarge
	}
	if step != nil {
		d := toDecimal(step)
		n, ok := new(big.Int).SetString(d.whole+d.part, 10)
		if m.scale = len(d.part); !ok || !n.IsInt64() || n.Int64() > maxUnit || m.scale > 12 {
			return nil, errTooLarge
		}
		m.stepped, m.unit = true, n.Int64()
		if !fractions && m.scale > 0 {
			// Whole multiples of p/q in lowest terms are the multiples of p.
			if m.unit, m.scale = step.Num().Int64(), 0; !step.Num().IsInt64() || m.unit > maxUnit {
				return nil, errTooLarge
			}
		}
	}
	m.out.start = m.id(numberState{})
	for len(m.work) > 0 {
		s := m.work[len(m.work)-1]
		m.work = m.work[:len(m.work)-1]
		m.steps(s)
		if err := left.spend(30); err != nil {
			return nil, err
		}
		if len(m.out.accept) > 10*maxStates {
			return nil, errTooLarge
		}
	}
	if d := m.out.tidy(); d.start >= 0 {
		if len(d.accept) > maxStates {
			return nil, errTooLarge
		}
		return d, nil
	}
	m.out = &dfa{}
	m.out.add(false)
	return m.out, nil
}

func (m *magnitudes) id(s numberState) int {
	n, ok := m.number[s]
	if !ok {
		n = m.out.add(m.done(s))
		m.number[s] = n
		m.work = append(m.work, s)
	}
	return n
}

func (m *magnitudes) steps(s numberState) {
	from := m.number[s]
	if s.phase == 1 && m.fractions && s.whole < m.digits && (!m.stepped || m.scale > 0) {
		if next, ok := m.point(s); ok {
			m.out.edges[from] = append(m.out.edges[from], edge{span{'.', '.'}, m.id(next)})
		}
	}
	for c := byte('0'); c <= '9'; c++ {
		if next, ok := m.digit(s, c); ok {
			m.out.edges[from] = append(m.out.edges[from], edge{span{rune(c), rune(c)}, m.id(next)})
		}
	}
}

// compare moves a comparison on by one digit of the number and of the bound.
func compare(so int8, digit, bound byte) int8 {
	switch {
	case so != 0 || digit == bound:
		return so
	case digit < bound:
		return -1
	}
	return 1
}

func at(digits string, i int) byte {
	if i < len(digits) {
		return digits[i]
	}
	return '0'
}

// digit is the state after one more digit.
func (m *magnitudes) digit(s numberState, c byte) (numberState, bool) {
	if s.phase < 2 {
		if s.zero || s.whole+1 > m.digits || m.iv.high != nil && s.whole+1 > len(m.high.whole) {
			return s, false
		}
		s.low = compare(s.low, c, at(m.low.whole, s.whole))
		s.high = compare(s.high, c, at(m.high.whole, s.whole))
		s.phase, s.zero = 1, s.phase == 0 && c == '0'
		s.rest = (s.rest*10 + int64(c-'0')) % m.unit
		s.whole = s.whole + 1
		return s, true
	}
	if s.whole+s.part+1 > m.digits || m.stepped && s.part >= m.scale {
		return s, false
	}
	s.low = compare(s.low, c, at(m.low.part, s.part))
	s.high = compare(s.high, c, at(m.high.part, s.part))
	s.rest = (s.rest*10 + int64(c-'0')) % m.unit
	s.phase, s.part = 3, s.part+1
	return s, !m.over(s)
}

// over says that the number is beyond the upper bound whatever follows.
func (m *magnitudes) over(s numberState) bool { return m.iv.high != nil && s.high > 0 }

// sized compares whole parts of different lengths.
func sized(so int8, length, bound int) int8 {
	switch {
	case length < bound:
		return -1
	case length > bound:
		return 1
	}
	return so
}

// point is the state behind the point: the whole part is known, and how it compares.
func (m *magnitudes) point(s numberState) (numberState, bool) {
	s.low = sized(s.low, s.whole, len(m.low.whole))
	if m.iv.high != nil {
		s.high = sized(s.high, s.whole, len(m.high.whole))
	} else {
		s.high = 0
	}
	s.phase, s.zero = 2, false
	return s, s.low >= 0 && !m.over(s)
}

// done says whether the number may end here.
func (m *magnitudes) done(s numberState) bool {
	if s.phase == 0 || s.phase == 2 {
		return false
	}
	if s.phase == 1 {
		var ok bool
		if s, ok = m.point(s); !ok {
			return false
		}
	}
	low, high := s.low, s.high
	for i := s.part; i < max(len(m.low.part), len(m.high.part)); i++ { // zeros follow
		low, high = compare(low, '0', at(m.low.part, i)), compare(high, '0', at(m.high.part, i))
	}
	if low < 0 || low == 0 && m.iv.openLow || m.iv.high != nil && (high > 0 || high == 0 && m.iv.openHigh) {
		return false
	}
	rest := s.rest
	for i := s.part; i < m.scale; i++ {
		rest = rest * 10 % m.unit
	}
	return rest == 0
}
