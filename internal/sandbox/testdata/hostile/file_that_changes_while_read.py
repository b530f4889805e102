# want: going
import os
if os.fork() == 0:
    os.setsid()
    while True:
        try:
            open("/mnt/data/moving", "wb").write(os.urandom(1 << 16))
            os.unlink("/mnt/data/moving")
            os.symlink("/etc/passwd", "/mnt/data/moving")
            os.unlink("/mnt/data/moving")
        except OSError:
            pass
print("going")
