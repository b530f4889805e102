# want: looked
# never: WRITTEN
import os
for path in ["/proc/1/environ", "/proc/1/mem", "/proc/1/root/etc/shadow", "/proc/kcore", "/proc/kallsyms", "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/self/environ", "/proc/1/fd/0"]:
    try:
        with open(path, "rb") as f:
            print(path, f.read(2000))
    except OSError as e:
        print(path, e.strerror)
for path in ["/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/sys/kernel/hostname"]:
    try:
        open(path, "w").write("|/bin/sh")
        print("WRITTEN", path)
    except OSError:
        pass
print(sorted(int(p) for p in os.listdir("/proc") if p.isdigit())[-1] < 5000, "looked")
