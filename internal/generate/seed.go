package generate

import "math/rand/v2"

// baseSeed folds the API's 64-bit seed into the engine's 32 bits. Small seeds, which people type,
// stay themselves; an absent one is drawn; it need
// not be secret.
func baseSeed(seed *int64) uint32 {
	if seed == nil {
		return rand.Uint32()
	}
	u := uint64(*seed)
	return uint32(u) ^ uint32(u>>32)
}

// choiceSeed derives the seed of choice i: the first choice of n is the answer that n = 1 gives, and
// the others differ from it and from those of neighbouring seeds.
func choiceSeed(base uint32, i int) uint32 {
	if i == 0 {
		return base
	}
	// The finalizer of splitmix64 over (base, i): every input bit moves half of the output bits.
	z := uint64(base)<<32 | uint64(uint32(i))
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return uint32(z ^ (z >> 31))
}
