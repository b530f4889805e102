# want: looked
# never: PUSHED
import fcntl, os, termios
for fd in range(3):
    for request in [termios.TIOCSTI, termios.TIOCSCTTY, termios.TIOCLINUX if hasattr(termios, "TIOCLINUX") else 0x541C]:
        try:
            fcntl.ioctl(fd, request, b"x")
            print("PUSHED")
        except OSError:
            pass
print("looked")
