# want: tried
import os
for change in [lambda: os.rename("/mnt/data", "/mnt/x"), lambda: os.rmdir("/mnt/data"), lambda: os.chmod("/mnt/data", 0), lambda: os.symlink("/", "/mnt/data")]:
    try:
        change()
        print("did one")
    except OSError as e:
        print(e.strerror)
print("tried")
