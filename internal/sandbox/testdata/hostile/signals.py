# want: alive
# never: SENT 1 
import os, signal
for pid in [1, -1, os.getppid(), 0x7fffffff]:
    for number in [signal.SIGTERM, signal.SIGHUP, signal.SIGSTOP]:
        if pid == -1:
            continue
        try:
            os.kill(pid, number)
            print("SENT", pid, number)
        except OSError as e:
            print(pid, e.strerror)
print("alive")
