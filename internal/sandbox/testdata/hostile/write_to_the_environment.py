# want: held
# never: WRITTEN
import os, numpy, sys
done = 0
for path in [numpy.__file__, "/etc/passwd", "/bin/sh", "/usr/local/bin/python3", "/new", os.path.dirname(numpy.__file__) + "/new.py"]:
    try:
        open(path, "a").write("x")
        done += 1
    except OSError:
        pass
print("held" if done == 0 else "WRITTEN")
