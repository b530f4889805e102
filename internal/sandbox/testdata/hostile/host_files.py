# want: looked
# never: ssh_host
# never: .ssh
# never: root:$
import os
for path in ["/etc/shadow", "/root", "/home", "/var", "/usr/local/lib/python3", "/run", "/boot", "/etc/ssh", "/proc/1/root", "/proc/1/cwd"]:
    try:
        print(path, os.listdir(path) if os.path.isdir(path) else open(path).read())
    except OSError as e:
        print(path, e.strerror)
print("looked")
