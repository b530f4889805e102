//go:build !amd64

package vector

// prefetch asks for memory that is read soon, where a kernel can.
func prefetch(*int8, int) {}
