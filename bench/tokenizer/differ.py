#!/usr/bin/env python3
"""Writes seeded inputs with what Python tiktoken makes of them, for Parley's encoder to be compared with.

    python3 bench/tokenizer/differ.py --cases 1000000 --seed 1 | go run ./bench/tokenizer/differ
    python3 bench/tokenizer/differ.py --cases 4000 --seed 7 --golden internal/tokenizer/bpe/testdata/golden.bin.gz

Needs tiktoken (0.14.0 is what the figures in docs/TOKENIZER.md are from), and its rank files: fetched by
itself, or offline from TIKTOKEN_CACHE_DIR.

A record: encoding u8, kind u8 (0 ordinary, 1 all special tokens allowed, 2 bytes that may not be UTF-8),
length u32, the bytes, count u32, ids u32 each; little-endian. The golden file is gzip of such records and
holds for each case the CRC-32 of its ids in place of the ids, count unchanged.
"""
import argparse
import gzip
import random
import struct
import sys
import zlib

import tiktoken

ENCODINGS = ["cl100k_base", "o200k_base", "p50k_base", "p50k_edit", "r50k_base"]
SPECIAL = ["<|endoftext|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|endofprompt|>"]
BLANKS = [" ", "  ", "    ", "\t", "\n", "\r\n", "\r", "\n\n", "\v", "\f", "\x1c", "\x1f", "\x85", "\xa0", "\u1680",
          "\u2002", "\u200a", "\u200b", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000", "\ufeff", "\u180e"]
CONTRACTIONS = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'T", "'RE", "'Ve", "'M", "'lL", "'D", "'\u017f",
                "\u2019s", "'x", "''", "'l", "'r", "'v", "'K", "'\u212a"]
NUMBERS = ["1", "12", "123", "1234", "2026", "3.14", "1,000,000", "\u00b2", "\u00bd", "\u0663", "\u0967\u0968\u0969\u096a",
           "\u2167", "\u3007", "\U0001d7ce", "0x1F", "1e-9"]
MARKS = ["\u0300", "\u0301", "\u0308", "\u20dd", "\u0e31", "\u093f", "\u094d", "\ufe0f", "\u3099", "\u05b0", "\U0001d165", "\u1dfa"]
TEXTS = [
    "The quick brown fox jumps over the lazy dog", "ChatGPT is great!", "HelloWorld camelCase XMLHttpRequest iPhone",
    "안녕하세요 세계, 오늘 날씨가 좋습니다.", "日本語のテキストを分割する。", "汉字和标点,没有空格。", "Привет, как дела?",
    "Γειά σου Κόσμε", "مرحبا بالعالم", "שלום עולם", "नमस्ते दुनिया", "สวัสดีชาวโลก", "İstanbul'da ŞİMDİ", "Đặng Thị Ngọc",
    "ǅungla ǈ ǋ ʰʷ ªº", "👩‍👩‍👧‍👦 🇰🇷 ☺️ 🤷🏽‍♀️", "def f(x):\n    return x**2  # square\n", "{\"a\": [1, 2.5, null], \"b\": \"\\n\"}",
    "https://example.com/a/b?c=d&e=%20f#g", "<div class=\"x\">&nbsp;</div>", "SELECT * FROM t WHERE a <= 'b';", "//////\n\n////",
    "ﬁ ﬂ Ⅷ ① ㍿", "a\u0300e\u0301 o\u0308U\u0308", "AAAA bbbb AbAbAB", "-----=====#####", "...!!!???", "\x00\x01\x7f",
]


def code_point(r: random.Random) -> str:
    plane = r.random()
    if plane < 0.25:
        c = r.randrange(0x80)
    elif plane < 0.5:
        c = r.randrange(0x80, 0x800)
    elif plane < 0.8:
        c = r.randrange(0x800, 0x10000)
    elif plane < 0.95:
        c = r.randrange(0x10000, 0x20000)
    else:
        c = r.randrange(0x20000, 0x110000)
    return chr(c) if not 0xD800 <= c < 0xE000 else "\ufffd"


class Inputs:
    """Texts of many kinds, from a seed."""

    def __init__(self, seed: int):
        self.r = random.Random(seed)
        self.vocab = tiktoken.get_encoding("o200k_base").token_byte_values()

    def atom(self) -> str:
        r = self.r
        k = r.randrange(16)
        if k < 3:
            return r.choice(BLANKS) * r.choice([1, 1, 1, 2, 5])
        if k < 5:
            text = r.choice(TEXTS)
            a = r.randrange(len(text))
            return text[a : a + r.randrange(1, 20)]
        if k == 5:
            return r.choice(CONTRACTIONS)
        if k == 6:
            return r.choice(NUMBERS)
        if k == 7:
            return r.choice(MARKS)
        if k == 8:
            return "".join(code_point(r) for _ in range(r.randrange(1, 6)))
        if k == 9:
            return r.choice(TEXTS)
        if k == 10:
            return "".join(chr(r.randrange(0xAC00, 0xD7A4)) for _ in range(r.randrange(1, 8)))
        if k == 11:
            return "".join(r.choice("abcdeABCDE'") for _ in range(r.randrange(1, 30)))
        if k == 12:
            return r.choice("aA .-/\n0é가") * r.choice([1, 2, 3, 7, 40, 130])
        if k == 13:
            return "".join(chr(r.randrange(0x20, 0x7F)) for _ in range(r.randrange(1, 16)))
        return b"".join(r.choice(self.vocab) for _ in range(r.randrange(1, 4))).decode("utf-8", "ignore")

    def text(self) -> str:
        return "".join(self.atom() for _ in range(self.r.choice([1, 2, 3, 4, 6, 10])))

    def broken(self) -> bytes:
        r = self.r
        b = bytearray(self.text().encode())
        for _ in range(r.randrange(1, 4)):
            k, at = r.randrange(4), r.randrange(len(b) + 1)
            if k == 0:
                b[at:at] = bytes([r.randrange(0x80, 0x100)])
            elif k == 1:
                del b[at : at + 1]
            elif k == 2:
                b[at:at] = bytes(r.randrange(0x100) for _ in range(r.randrange(1, 80)))
            else:
                del b[at:]
        return bytes(b)

    def special(self) -> str:
        return "".join(self.r.choice([self.atom, lambda: self.r.choice(SPECIAL), lambda: self.r.choice(["<|", "|>", "<|endof"])])()
                       for _ in range(self.r.randrange(1, 8)))


def main() -> None:
    p = argparse.ArgumentParser()
    p.add_argument("--cases", type=int, default=100000)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--golden", help="write the small file for tests there instead of all ids to stdout")
    args = p.parse_args()
    encs = [tiktoken.get_encoding(n) for n in ENCODINGS]
    inputs = Inputs(args.seed)
    out = gzip.GzipFile(args.golden, "wb", mtime=0) if args.golden else sys.stdout.buffer
    for i in range(args.cases):
        which = i % len(encs)
        enc = encs[which]
        kind = inputs.r.choice([0, 0, 0, 0, 0, 0, 1, 2])
        if kind == 2:
            data = inputs.broken()
            ids = enc._encode_bytes(data)
        elif kind == 1:
            text = inputs.special()
            data, ids = text.encode(), enc.encode(text, allowed_special="all")
        else:
            text = inputs.text()
            data, ids = text.encode(), enc.encode_ordinary(text)
        body = struct.pack(f"<{len(ids)}I", *ids)
        if args.golden:
            body = struct.pack("<I", zlib.crc32(body))
        out.write(struct.pack("<BBI", which, kind, len(data)) + data + struct.pack("<I", len(ids)) + body)
    out.close()


if __name__ == "__main__":
    main()
