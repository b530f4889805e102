#!/usr/bin/env python3
"""Writes data/classes.bin: the class of every code point as tiktoken's own regular expressions see it.

Run from the repository's root with tiktoken 0.14.0 installed. Asked of tiktoken because its Unicode
version is neither Go's nor Python's. Format: pairs of (class byte, run length as a varint), from
U+0000 to U+10FFFF.
"""
import tiktoken

# The order is that of the constants in classes.go; classes are disjoint, the first match counts.
PATTERNS = [None, r"\p{M}", r"[\p{Lu}\p{Lt}]", r"\p{Ll}", r"[\p{Lm}\p{Lo}]", r"\p{N}", r"[^\S\r\n]", r"[\r\n]"]
OUT = "internal/tokenizer/bpe/data/classes.bin"


def matches(pattern: str, points: list[int]) -> set[int]:
    ranks = {bytes([i]): i for i in range(256)}
    enc = tiktoken.Encoding("probe", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    found: set[int] = set()
    for i in range(0, len(points), 4096):
        text = "".join(map(chr, points[i : i + 4096]))
        found.update(map(ord, bytes(enc.encode_ordinary(text)).decode()))
    return found


def main() -> None:
    points = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    classes = bytearray(0x110000)
    for cls, pattern in enumerate(PATTERNS):
        if pattern is None:
            continue
        for c in matches(pattern, points):
            assert classes[c] == 0, hex(c)
            classes[c] = cls
    out = bytearray()
    start = 0
    for c in range(1, len(classes) + 1):
        if c < len(classes) and classes[c] == classes[start]:
            continue
        out.append(classes[start])
        n = c - start
        while n >= 0x80:
            out.append(n & 0x7F | 0x80)
            n >>= 7
        out.append(n)
        start = c
    with open(OUT, "wb") as f:
        f.write(out)
    print(OUT, len(out), "bytes")


if __name__ == "__main__":
    main()
