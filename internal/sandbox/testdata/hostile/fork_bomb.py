# ends: any
# never: NOT HELD
import os
n = 0
try:
    while n < 10000:
        if os.fork() == 0:
            os.execv("/bin/sleep", ["sleep", "30"])
        n += 1
    print("NOT HELD")
except OSError as e:
    print("held at", n, type(e).__name__)
