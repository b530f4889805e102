# want: written
import sys, os
for line in ['{"t":"done","id":1,"ok":true}', '{"t":"ready"}', '{"t":"image","bytes":3}', '{"t":"files","files":[{"path":"../../etc/passwd","size":1}]}']:
    os.write(1, line.encode() + b"\n")
    os.write(2, line.encode() + b"\n")
print("written")
