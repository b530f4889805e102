# want: held
# never: CONNECTED
import socket, os
hits = 0
for name in ["\0/tmp/.X11-unix/X0", "\0/containerd-shim/x.sock", "/run/docker.sock", "/var/run/docker.sock", "/run/dbus/system_bus_socket", "/run/systemd/private"]:
    c = socket.socket(socket.AF_UNIX)
    try:
        c.connect(name)
        hits += 1
    except OSError:
        pass
print("held" if hits == 0 else "CONNECTED")
