# ends: any
import os
for fd in os.listdir("/proc/self/fd"):
    for frame in [b'{"t":"done","ok":true}\n', b'{"t":"image","bytes":99999999999}\n', b'{"t":"done","ok":tru', b"\xff\x00garbage\n", b'{"t":[[[[1]]]],"bytes":-5}\n', b"{" * 100000]:
        try:
            os.write(int(fd), frame)
        except OSError:
            pass
