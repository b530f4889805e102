# want: looked
# never: WORKED
import ctypes, ctypes.util, os, platform
libc = ctypes.CDLL(None, use_errno=True)
X = platform.machine() == "x86_64"
def call(name, x86, arm, *args):
    r = libc.syscall(x86 if X else arm, *args)
    print(name, "WORKED" if r >= 0 else os.strerror(ctypes.get_errno()))

call("attach to 1", 101, 117, 16, 1, 0, 0)
call("seize 1", 101, 117, 0x4206, 1, 0, 0)
call("process_vm_readv", 310, 270, 1, 0, 0, 0, 0, 0) if False else None
print("looked")
