# want: still no root
# never: ROOT
import ctypes, ctypes.util, os, platform
libc = ctypes.CDLL(None, use_errno=True)
X = platform.machine() == "x86_64"
def call(name, x86, arm, *args):
    r = libc.syscall(x86 if X else arm, *args)
    print(name, "WORKED" if r >= 0 else os.strerror(ctypes.get_errno()))

libc.unshare(0x10000000)
try:
    open("/proc/self/uid_map", "w").write("0 1000 1")
except OSError as e:
    print(e.strerror)
hits = 0
for path in ["/etc/passwd", "/sys/fs/cgroup/pids/code/pids.max"]:
    try:
        open(path, "w")
        hits += 1
    except OSError:
        pass
try:
    os.kill(1, 15)
    hits += 1
except OSError:
    pass
print("still no root" if hits == 0 else "ROOT")
