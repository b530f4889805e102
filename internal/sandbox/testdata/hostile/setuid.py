# want: looked
# never: BECAME
# never: (0,
import os, shutil
for change in [lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setresuid(0, 0, 0), lambda: os.setgroups([0])]:
    try:
        change()
        print("BECAME", os.getresuid())
    except OSError as e:
        print(e.strerror)
shutil.copy("/bin/sh", "/mnt/data/sh")
os.chmod("/mnt/data/sh", 0o6755)
try:
    os.chown("/mnt/data/sh", 0, 0)
    print("BECAME owner")
except OSError as e:
    print(e.strerror)
print(os.getresuid(), "looked")
