# ends: memory
import os, time
for i in range(8):
    if os.fork() == 0:
        x = bytearray(os.urandom(1) * (160 << 20))
        time.sleep(60)
time.sleep(60)
