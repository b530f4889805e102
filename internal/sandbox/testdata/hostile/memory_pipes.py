# ends: any
import os, fcntl
for i in range(20000):
    r, w = os.pipe()
    fcntl.fcntl(w, 1031, 1 << 20)
    os.write(w, b"x" * (1 << 20))
