# want: end
import os
os.write(1, bytes(range(256)) * 20 + b"\xf0\x9f" + b"\x00" * 100 + b"\x1b]0;title\x07\x1b[2J")
os.write(1, b"\nend\n")
