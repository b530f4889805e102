# ends: any
import os
fds = [int(fd) for fd in os.listdir("/proc/self/fd")]
while True:
    for fd in fds:
        try:
            os.write(fd, b'{"t":"image","bytes":4}\nabcd' * 100)
        except OSError:
            pass
