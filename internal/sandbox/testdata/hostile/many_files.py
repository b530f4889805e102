# ends: files
import os
i = 0
while True:
    open("/mnt/data/f%d" % i, "w").close()
    i += 1
