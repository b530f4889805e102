# want: looked
# ends: any
import sys, __main__, gc
print([n for n in dir(__main__) if "uper" in n or n == "INP"])
found = [o for o in gc.get_objects() if type(o).__name__ == "Supervisor"]
for s in found:
    try:
        s.server.line()
    except Exception as e:
        print(type(e).__name__)
print("looked")
