# want: looked
# never: mine.txt
# never: NEIGHBOUR
# never: '/
import os
found = []
for top in ["/mnt", "/tmp", "/dev/shm", "/var", "/run", "/proc"]:
    for at, dirs, files in os.walk(top):
        for name in files:
            if name == "mine.txt":
                found.append(at)
        if at.count("/") > 4:
            dirs[:] = []
print("looked", found)
