# ends: exit
import sys, ctypes
ctypes.string_at(0)
