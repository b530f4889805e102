package vector

import "golang.org/x/sys/cpu"

//go:noescape
func dotsVNNI(u *uint8, s *int8, size, n int, out *int32)

//go:noescape
func dotsAVX2(u *uint8, s *int8, size, n int, out *int32)

//go:noescape
func estimateVPOPCNT(planes, bits *uint64, words, groups int, factor, ones *float32, abc *[5]float32, out *float32, above *uint8)

// estimateKernel is estimateGo eight rows at a time. It reads and writes behind the ends of factor, ones and out,
// which have room for whole groups.
func estimateKernel(q *signQuery, s *signs, base, a, b, c, worst float32, out []float32, above []uint8) {
	if len(out) == 0 {
		return
	}
	groups := (len(out) + lanes - 1) / lanes
	_, _ = s.bits[groups*lanes*s.words-1], q.planes[s.words*planes-1]
	_ = above[groups-1]
	factor, ones, room := s.factor[:groups*lanes], s.ones[:groups*lanes], out[:groups*lanes]
	estimateVPOPCNT(&q.planes[0], &s.bits[0], s.words, groups, &factor[0], &ones[0], &[5]float32{a, b, c, base, worst}, &room[0], &above[0])
}

// prefetch asks for memory that is read soon.
//
//go:noescape
func prefetch(p *int8, size int)

func init() {
	if cpu.X86.HasAVX512VPOPCNTDQ && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512BW {
		estimate = estimateKernel
	}
	switch {
	case cpu.X86.HasAVX512VNNI && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VL:
		kernel, dots = "avx512-vnni", kernelDots(dotsVNNI)
	case cpu.X86.HasAVX2:
		kernel, dots = "avx2", kernelDots(dotsAVX2)
	}
}

// kernelDots checks lengths before the kernel, which does not.
func kernelDots(f func(u *uint8, s *int8, size, n int, out *int32)) func([]uint8, []int8, []int32) {
	return func(u []uint8, s []int8, out []int32) {
		if len(out) == 0 || len(u) == 0 {
			clear(out)
			return
		}
		_ = s[len(u)*len(out)-1]
		f(&u[0], &s[0], len(u), len(out), &out[0])
	}
}
