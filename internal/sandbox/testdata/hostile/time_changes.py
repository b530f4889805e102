# want: looked
# never: CHANGED
import time, os
for change in [lambda: time.clock_settime(time.CLOCK_REALTIME, 0), lambda: os.utime("/", (0, 0))]:
    try:
        change()
        print("CHANGED")
    except OSError as e:
        print(e.strerror)
try:
    open("/mnt/data/old", "w").close()
    os.utime("/mnt/data/old", ns=(-(1 << 62), (1 << 62)))
except (OSError, OverflowError) as e:
    print(e)
print("looked")
