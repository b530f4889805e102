# ends: any
import os
for i in range(1500):
    os.mkdir("d" * 200)
    os.chdir("d" * 200)
print("as deep as it goes")
