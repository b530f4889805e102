# want: looked
# never: CONNECTED
import socket
for family, address in [(socket.AF_INET, ("1.1.1.1", 53)), (socket.AF_INET, ("169.254.169.254", 80)), (socket.AF_INET, ("10.0.0.1", 22)), (socket.AF_INET6, ("2606:4700:4700::1111", 53)), (socket.AF_INET6, ("fd00:ec2::254", 80))]:
    try:
        c = socket.socket(family)
        c.settimeout(0.3)
        c.connect(address)
        print("CONNECTED", address)
    except OSError as e:
        print(address, e)
for family, kind, proto in [(socket.AF_PACKET, socket.SOCK_RAW, 0), (socket.AF_INET, socket.SOCK_RAW, 1), (40, socket.SOCK_STREAM, 0), (socket.AF_NETLINK, socket.SOCK_RAW, 0), (38, 5, 0), (29, 3, 1), (31, 3, 1)]:
    try:
        socket.socket(family, kind, proto)
        print(family, "opened")
    except OSError as e:
        print(family, e)
print("looked")
