# want: held
# never: RESOLVED
# never: ANSWERED
import socket
try:
    print("RESOLVED", socket.getaddrinfo("example.com", 80))
except OSError as e:
    print("held", e)
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.settimeout(0.3)
try:
    u.sendto(b"\0" * 12, ("8.8.8.8", 53))
    print("ANSWERED", u.recv(10))
except OSError as e:
    print("held", e)
