# want: left
import os, time
for i in range(10):
    if os.fork() == 0:
        os.setsid()
        while True:
            try:
                os.write(1, b"from a daemon\n")
            except OSError:
                pass
            time.sleep(0.001)
print("left")
