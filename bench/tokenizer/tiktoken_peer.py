#!/usr/bin/env python3
"""Times Python tiktoken on the second half of a text: tiktoken_peer.py ENCODING FILE prints bytes, tokens and seconds."""
import sys
import time

import tiktoken

encoding = tiktoken.get_encoding(sys.argv[1])
with open(sys.argv[2], "rb") as f:
    data = f.read()
cut = data.index(b"\n", len(data) // 2) + 1
warm, timed = data[:cut].decode(), data[cut:].decode()
encoding.encode_ordinary(warm)
start = time.perf_counter()
tokens = encoding.encode_ordinary(timed)
print(len(data) - cut, len(tokens), time.perf_counter() - start)
