# ends: any
import os
n = 0
try:
    while n < 5000:
        os.posix_spawn("/bin/sleep", ["sleep", "0"], {})  # nobody waits for them
        n += 1
except OSError:
    pass
print("flooded", n)
