#!/usr/bin/env python3
"""Text of HTML pages, each line once: corpus.py en|ko OUT DIRECTORY… ko keeps lines that are mostly Hangul."""
import html.parser
import pathlib
import re
import sys

BLOCKS = {"p", "div", "li", "h1", "h2", "h3", "h4", "h5", "td", "th", "tr", "br", "dt", "dd", "pre", "title"}


class Text(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.out: list[str] = []
        self.skip = 0

    def handle_starttag(self, tag, attrs):
        self.skip += tag in ("script", "style")
        if tag in BLOCKS:
            self.out.append("\n")

    def handle_endtag(self, tag):
        self.skip -= tag in ("script", "style")
        if tag in BLOCKS:
            self.out.append("\n")

    def handle_data(self, data):
        if not self.skip:
            self.out.append(re.sub(r"\s+", " ", data))


def main(language: str, out: str, *directories: str) -> None:
    seen: set[str] = set()
    with open(out, "w", encoding="utf-8") as f:
        for directory in directories:
            for page in sorted(pathlib.Path(directory).rglob("*.html")):
                text = Text()
                text.feed(page.read_text(encoding="utf-8", errors="replace"))
                for line in "".join(text.out).split("\n"):
                    line = line.strip()
                    if len(line) < 40 or line in seen:
                        continue
                    seen.add(line)
                    if language == "ko" and sum("가" <= c <= "힣" for c in line) < 0.4 * len(line):
                        continue
                    f.write(line + "\n")


main(*sys.argv[1:])
