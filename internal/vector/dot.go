package vector

// block is what rows are padded to, in bytes: what the widest kernel takes at once.
const block = 64

// dots writes into out the products of u with n rows of s, each len(u) bytes long: the sums of u[j]·s[i][j].
// len(u) is a multiple of block. It is the only arithmetic of the index that has kernels of its own.
var dots func(u []uint8, s []int8, out []int32) = dotsGo

// Kernel names how products are made on this machine: "avx512-vnni", "avx2" or "go".
func Kernel() string { return kernel }

var kernel = "go"

// dotsGo is dots where there is no kernel, and what kernels are tested against.
func dotsGo(u []uint8, s []int8, out []int32) {
	for i := range out {
		row := s[i*len(u):][:len(u)]
		var a, b, c, d int32
		for j := 0; j+3 < len(u); j += 4 {
			x, y := u[j:j+4:j+4], row[j:j+4:j+4]
			a += int32(x[0]) * int32(y[0])
			b += int32(x[1]) * int32(y[1])
			c += int32(x[2]) * int32(y[2])
			d += int32(x[3]) * int32(y[3])
		}
		out[i] = a + b + c + d
	}
}
