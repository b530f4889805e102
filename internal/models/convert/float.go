package convert

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/parley-ai/parley/internal/models/gguf"
)

// half rounds to a 16-bit float, to nearest, ties to even.
func half(f float32) uint16 {
	b := math.Float32bits(f)
	sign := uint16(b >> 16 & 0x8000)
	exp := int(b>>23&0xff) - 127
	man := b & 0x7fffff
	switch {
	case exp == 128 && man != 0:
		return sign | 0x7e00
	case exp > 15:
		return sign | 0x7c00
	case exp < -25:
		return sign
	}
	shift := uint(13)
	out := uint32(exp+15) << 10
	if exp < -14 { // subnormal
		man |= 0x800000
		shift = uint(13 + (-14 - exp))
		out = 0
	}
	out += man >> shift
	rest, tie := man&(1<<shift-1), uint32(1)<<(shift-1)
	if rest > tie || rest == tie && out&1 == 1 {
		out++ // may carry into the exponent, which is right
	}
	return sign | uint16(out)
}

// single widens a 16-bit float.
func single(h uint16) float32 {
	sign, exp, man := uint32(h>>15)<<31, uint32(h>>10&0x1f), uint32(h&0x3ff)
	switch {
	case exp == 0x1f:
		return math.Float32frombits(sign | 0x7f800000 | man<<13)
	case exp != 0:
		return math.Float32frombits(sign | (exp+112)<<23 | man<<13)
	}
	f := float32(man) / (1 << 24)
	if sign != 0 {
		f = -f
	}
	return f
}

// encode appends values in a GGUF format.
func encode(dst []byte, t gguf.Type, values []float32) ([]byte, error) {
	le := binary.LittleEndian
	switch t {
	case gguf.F32:
		for _, v := range values {
			dst = le.AppendUint32(dst, math.Float32bits(v))
		}
	case gguf.F16:
		for _, v := range values {
			dst = le.AppendUint16(dst, half(v))
		}
	case gguf.Q8_0:
		if len(values)%32 != 0 {
			return nil, fmt.Errorf("%d values are no whole number of Q8_0 blocks", len(values))
		}
		for ; len(values) > 0; values = values[32:] {
			dst = block(dst, values[:32])
		}
	default:
		return nil, fmt.Errorf("%s is not written here", t)
	}
	return dst, nil
}

// block appends 32 values as Q8_0: a 16-bit scale and 32 signed bytes.
func block(dst []byte, values []float32) []byte {
	var top float32
	for _, v := range values {
		top = max(top, float32(math.Abs(float64(v))))
	}
	scale := top / 127
	var inverse float32
	if scale > 0 {
		inverse = 1 / scale
	}
	dst = binary.LittleEndian.AppendUint16(dst, half(scale))
	for _, v := range values {
		dst = append(dst, byte(int8(math.Round(float64(v*inverse)))))
	}
	return dst
}
