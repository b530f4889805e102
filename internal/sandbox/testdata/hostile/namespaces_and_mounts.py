# want: looked
# never: WORKED
import ctypes, ctypes.util, os, platform
libc = ctypes.CDLL(None, use_errno=True)
X = platform.machine() == "x86_64"
def call(name, x86, arm, *args):
    r = libc.syscall(x86 if X else arm, *args)
    print(name, "WORKED" if r >= 0 else os.strerror(ctypes.get_errno()))

libc.syscall.restype = ctypes.c_long
for flags, name in [(0x00020000, "mount"), (0x40000000, "net"), (0x20000000, "pid")]:
    call("unshare " + name, 272, 97, flags)
call("mount proc", 165, 40, b"proc", b"/mnt/data", b"proc", 0, 0)
call("mount tmpfs", 165, 40, b"none", b"/mnt/data", b"tmpfs", 0, 0)
call("umount", 166, 39, b"/mnt/data", 2)
call("chroot", 161, 51, b"/mnt/data")
call("pivot_root", 155, 41, b"/mnt/data", b"/mnt/data")
print("looked")
