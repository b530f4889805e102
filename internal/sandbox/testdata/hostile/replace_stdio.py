# ends: 
import sys
sys.stdout = sys.stderr = sys.stdin = None
import builtins
builtins.print = None
