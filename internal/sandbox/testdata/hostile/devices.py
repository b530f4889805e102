# want: looked
# never: BLOCK
# never: MADE
# never: OPENED sda
# never: OPENED vda
# never: OPENED mem
# never: OPENED kvm
# never: OPENED vsock
# never: OPENED kmsg
import os, stat
for name in sorted(os.listdir("/dev")):
    path = "/dev/" + name
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISBLK(mode):
            print("BLOCK", name)
    except OSError:
        pass
for name in ["sda", "vda", "mem", "kmem", "port", "kvm", "vsock", "fuse", "loop-control", "net/tun", "nvidia0", "kmsg", "mapper/control"]:
    try:
        os.open("/dev/" + name, os.O_RDWR)
        print("OPENED", name)
    except OSError as e:
        print(name, e.strerror)
for mode in [stat.S_IFCHR, stat.S_IFBLK]:
    try:
        os.mknod("/mnt/data/dev%d" % mode, mode | 0o666, os.makedev(1, 1))
        print("MADE a device")
    except OSError as e:
        print(e.strerror)
import fcntl
try:
    fd = os.open("/dev/net/tun", os.O_RDWR)  # gVisor's own: without rights it makes no device
    fcntl.ioctl(fd, 0x400454CA, b"tun0".ljust(16, b"\0") + b"\x01\x00" + b"\0" * 22)
    print("MADE a device")
except OSError as e:
    print(e.strerror)
print("looked")
