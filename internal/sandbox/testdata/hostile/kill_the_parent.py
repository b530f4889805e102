# want: alive
# never: SENT
import os, signal
try:
    os.kill(os.getppid(), signal.SIGKILL)
    print("SENT")
except OSError as e:
    print("alive", e.strerror)
