# want: io_uring_setup
# never: WORKED
import ctypes, ctypes.util, os, platform
libc = ctypes.CDLL(None, use_errno=True)
X = platform.machine() == "x86_64"
def call(name, x86, arm, *args):
    r = libc.syscall(x86 if X else arm, *args)
    print(name, "WORKED" if r >= 0 else os.strerror(ctypes.get_errno()))

buf = ctypes.create_string_buffer(200)
call("io_uring_setup", 425, 425, 8, buf)
