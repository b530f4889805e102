# want: MemoryError
x = bytearray(4 << 30)
