# want: looked
import os, subprocess
os.environ["LD_PRELOAD"] = "/mnt/data/evil.so"
os.environ["LD_LIBRARY_PATH"] = "/mnt/data"
os.environ["PYTHONHOME"] = "/nonexistent"
os.environ["PYTHONSTARTUP"] = os.environ["PYTHONPATH"] = "/mnt/data"
open("/mnt/data/evil.so", "wb").write(b"\x7fELF" + b"\0" * 100)
open("/mnt/data/sitecustomize.py", "w").write("raise SystemExit('mine')")
open("/mnt/data/json.py", "w").write("raise SystemExit('mine')")
open("/mnt/data/numpy.py", "w").write("raise SystemExit('mine')")
print("looked")
