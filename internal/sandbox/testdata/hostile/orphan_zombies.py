# ends: any
import os
for i in range(15):
    try:
        pid = os.fork()
    except OSError:
        continue
    if pid == 0:
        try:
            os.fork()  # its child becomes process 1's
        except OSError:
            pass
        os._exit(0)
    os.waitpid(pid, 0)
print("done")
