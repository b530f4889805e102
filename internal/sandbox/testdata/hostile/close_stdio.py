# ends: any
import os
for fd in range(3, 200):
    try:
        os.close(fd)
    except OSError:
        pass
for fd in range(3):
    os.close(fd)
