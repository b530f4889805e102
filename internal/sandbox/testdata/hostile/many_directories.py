# ends: files
import os
i = 0
while True:
    os.mkdir("/mnt/data/d%d" % i)
    i += 1
