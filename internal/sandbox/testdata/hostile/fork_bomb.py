# want: held
# never: held at 1
import os
n = 0
try:
    while n < 10000:
        if os.fork() == 0:
            os.execv("/bin/sleep", ["sleep", "30"])
        n += 1
except OSError as e:
    print("held at", n if n > 64 else "few", type(e).__name__)
