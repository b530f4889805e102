package vector

import "golang.org/x/sys/cpu"

func kernelsOfDots() map[string]func([]uint8, []int8, []int32) {
	out := map[string]func([]uint8, []int8, []int32){}
	if cpu.X86.HasAVX512VNNI && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VL {
		out["avx512-vnni"] = kernelDots(dotsVNNI)
	}
	if cpu.X86.HasAVX2 {
		out["avx2"] = kernelDots(dotsAVX2)
	}
	return out
}
