# want: held
# never: CONNECTED
import socket
found = []
for port in [22, 80, 443, 3000, 5432, 6379, 8080, 9000]:
    c = socket.socket()
    c.settimeout(0.2)
    try:
        c.connect(("127.0.0.1", port))
        found.append(port)
    except OSError:
        pass
print("held" if not found else "CONNECTED %s" % found)
