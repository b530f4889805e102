# ends: any
class Figure:
    pass
import sys, types
m = types.ModuleType("matplotlib.pyplot")
m.get_fignums = lambda: iter(int, 1)
m.figure = lambda n: types.SimpleNamespace(savefig=lambda out, **k: out.write(b"x" * (1 << 24)))
m.close = lambda *a: None
sys.modules["matplotlib.pyplot"] = m
