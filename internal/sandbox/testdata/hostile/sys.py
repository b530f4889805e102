# want: looked
# never: WRITTEN
import os
for path in ["/sys/kernel", "/sys/fs/cgroup", "/sys/class/net", "/sys/firmware", "/sys/module"]:
    try:
        print(path, os.listdir(path)[:5])
    except OSError as e:
        print(path, e.strerror)
for path in ["/sys/fs/cgroup/pids/code/pids.max", "/sys/fs/cgroup/pids/cgroup.procs", "/sys/fs/cgroup/memory/cgroup.procs"]:
    try:
        open(path, "w").write("1000000" if "max" in path else str(os.getpid()))
        print("WRITTEN", path)
    except OSError as e:
        print(path, e.strerror)
print("looked")
