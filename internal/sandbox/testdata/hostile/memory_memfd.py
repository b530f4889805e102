# ends: memory
import os
fds = []
while True:
    fd = os.memfd_create("x")
    fds.append(fd)
    os.write(fd, b"x" * (16 << 20))
