# want: looked
# never: WORKED
import ctypes, ctypes.util, os, platform
libc = ctypes.CDLL(None, use_errno=True)
X = platform.machine() == "x86_64"
def call(name, x86, arm, *args):
    r = libc.syscall(x86 if X else arm, *args)
    print(name, "WORKED" if r >= 0 else os.strerror(ctypes.get_errno()))

buf = ctypes.create_string_buffer(200)
call("bpf", 321, 280, 0, buf, 72)
call("perf_event_open", 298, 241, buf, 0, -1, -1, 0)
call("userfaultfd", 323, 282, 0)
call("kexec_load", 246, 104, 0, 0, 0, 0)
call("init_module", 175, 105, buf, 10, buf)
call("open_by_handle_at", 304, 265, 3, buf, 0)
call("reboot", 169, 142, 0xfee1dead, 672274793, 0x1234567, 0)
call("swapon", 167, 224, b"/mnt/data/x", 0)
print("looked")
