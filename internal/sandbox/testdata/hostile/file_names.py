# want: made
import os
for name in [b"new\nline", b"\xff\xfe", b"-rf", b"..hidden", b"a" * 255, b"<script>", "ünï\u202egnp.exe".encode(), b"\x1b[2J", b" ", b"c:\\x"]:
    open(b"/mnt/data/" + name, "wb").write(b"x")
print("made")
