# want: made
# never: LINKED
import os, socket
os.symlink("/etc/passwd", "link")
os.symlink("/proc/1/environ", "env.txt")
os.symlink("/", "root")
os.symlink("loop", "loop")
os.mkfifo("fifo.csv")
s = socket.socket(socket.AF_UNIX)
s.bind("sock.png")
open("plain.txt", "w").write("plain")
os.link("plain.txt", "hard.txt")
try:
    os.link("/etc/passwd", "passwd")
    print("LINKED")
except OSError:
    pass
os.mkdir("dir")
os.symlink("/mnt/data", "dir/up")
print("made")
