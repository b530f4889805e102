#!/usr/bin/env bash
# Parley's encoder beside Python tiktoken and the Rust crates bpe-openai and toktok-rs, one thread each, in one
# run, on text that repeats no line. Each program encodes the first half of a text to warm up and is timed on
# the second, which it has not seen; the programs take turns, and each turn is a new process. Prints Markdown.
#   bench/tokenizer/run.sh                 ROUNDS=7 PYTHON=python3 EN=… KO=…
# Needs cargo, Python with tiktoken, and for the texts Debian's apt-get (after an apt-get update) and dpkg-deb, or EN
# and KO as files. tiktoken fetches its rank files itself, or finds them in TIKTOKEN_CACHE_DIR.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=${PARLEY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/parley}/bench/tokenizer
mkdir -p "$work"
python=${PYTHON:-python3}
rounds=${ROUNDS:-7}

# Before minutes are spent on the rest: can the peer that has its vocabularies from elsewhere find them?
"$python" -c 'import tiktoken; [tiktoken.get_encoding(n) for n in ("cl100k_base", "o200k_base")]' >/dev/null 2>"$work/tiktoken.log" || {
	tail -n 1 "$work/tiktoken.log" >&2
	echo "tiktoken does not start: set PYTHON to one that has it and, offline, TIKTOKEN_CACHE_DIR to its rank files." >&2
	exit 1
}

# The Debian handbook and LibreOffice's help, in both languages.
if [ -z "${EN:-}" ] || [ -z "${KO:-}" ]; then
	EN=$work/en.txt KO=$work/ko.txt
	if ! [ -s "$EN" ] || ! [ -s "$KO" ]; then
		(cd "$work" && apt-get download -q debian-handbook libreoffice-help-ko libreoffice-help-en-us >&2 &&
			for deb in *.deb; do dpkg-deb -x "$deb" root; done)
		handbook=$work/root/usr/share/doc/debian-handbook/html help=$work/root/usr/share/libreoffice/help
		"$python" bench/tokenizer/corpus.py en "$EN" "$handbook/en-US" "$help/en-US"
		"$python" bench/tokenizer/corpus.py ko "$KO" "$handbook/ko-KR" "$help/ko"
	fi
fi

CARGO_TARGET_DIR=$work/target RUSTFLAGS="-C target-cpu=native" cargo build --release --quiet --manifest-path bench/tokenizer/peer/Cargo.toml
go build -o "$work/parley" ./bench/tokenizer/parley
peer=$work/target/release/peer

one() { # one PROGRAM ENCODING FILE
	case $1 in
	parley) "$work/parley" "$2" "$3" ;;
	tiktoken) "$python" bench/tokenizer/tiktoken_peer.py "$2" "$3" ;;
	*) "$peer" "$1" "$2" "$3" ;;
	esac
}

: >"$work/results"
for _ in $(seq "$rounds"); do
	for text in en ko; do
		file=$EN
		[ $text = ko ] && file=$KO
		for encoding in cl100k_base o200k_base; do
			for program in parley bpe-openai toktok tiktoken; do
				timed=$(GOMAXPROCS=1 one "$program" "$encoding" "$file") # on a line of its own, so that a failure ends the run
				echo "$text $encoding $program $timed" >>"$work/results"
			done
		done
	done
done

"$python" - "$work/results" <<'PY'
import collections, statistics, sys

speed, tokens, sizes = collections.defaultdict(list), {}, {}
for line in open(sys.argv[1]):
    text, encoding, program, size, count, seconds = line.split()
    speed[text, encoding, program].append(int(size) / 1e6 / float(seconds))
    tokens.setdefault((text, encoding), set()).add(int(count))
    sizes[text] = int(size)
print("| text | encoding | parley | bpe-openai | toktok-rs | tiktoken | parley / bpe-openai | parley / toktok-rs |")
print("|---|---|---|---|---|---|---|---|")
for (text, encoding), counts in tokens.items():
    m = {p: statistics.median(speed[text, encoding, p]) for p in ("parley", "bpe-openai", "toktok", "tiktoken")}
    ratio = lambda p: statistics.median(a / b for a, b in zip(speed[text, encoding, "parley"], speed[text, encoding, p]))
    print(f"| {text}, {sizes[text] / 1e6:.2f} MB | {encoding} | " + " | ".join(f"{v:.1f} MB/s" for v in m.values())
          + f" | {ratio('bpe-openai'):.2f} | {ratio('toktok'):.2f} |")
    if len(counts) != 1:
        sys.exit(f"{text}, {encoding}: the programs count differently: {counts}")
PY
