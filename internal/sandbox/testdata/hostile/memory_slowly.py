# ends: memory-or-error
x = []
while True:
    x.append(bytearray(8 << 20))
