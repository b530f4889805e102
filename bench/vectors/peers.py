"""The yardsticks of `bench/run.sh vectors`: faiss, usearch and sqlite-vec on the same vectors, one thread.

Prints a Markdown row for each index and setting: build in CPU-seconds, recall@10, questions a CPU-second in one call
with all 1,000, and with one question a call. The first 1,000 vectors of the file are the questions.
"""

import sys
import time

import apsw
import faiss
import numpy as np
import sqlite_vec
from usearch.index import Index

DIMS, QUESTIONS, K = 384, 1000, 10
cpu = time.process_time
faiss.omp_set_num_threads(1)

every = np.fromfile(sys.argv[1], dtype="<f4").reshape(-1, DIMS)
asked, base = every[:QUESTIONS].copy(), every[QUESTIONS:].copy()
flat = faiss.IndexFlatIP(DIMS)
flat.add(base)
truth = flat.search(asked, K)[1]


def recall(found, want=truth):
    return sum(len(set(a) & set(b)) for a, b in zip(found, want)) / want.size


def row(name, built, ask, at_once=True):
    """Asks three times in each way and prints the best."""
    batch, single = 0, 0
    for _ in range(3):
        if at_once:
            began = cpu()
            found = ask(asked)
            batch = max(batch, QUESTIONS / (cpu() - began))
        began = cpu()
        one = [ask(asked[i : i + 1])[0] for i in range(QUESTIONS)]
        single = max(single, QUESTIONS / (cpu() - began))
    print(f"| {name} | {built:.1f} | {recall(one):.3f} | {batch:.0f} | {single:.0f} |", flush=True)


def run_faiss(spec, settings):
    index = faiss.index_factory(DIMS, spec, faiss.METRIC_INNER_PRODUCT)
    began = cpu()
    index.train(base)
    index.add(base)
    built = cpu() - began
    for name, setting in settings:
        setting(index)
        row(f"faiss {spec}, {name}", built, lambda q: index.search(q, K)[1])


def probes(n, factor=None):
    def setting(index):
        if factor:
            index.k_factor = factor
            index = faiss.downcast_index(index.base_index)
        faiss.extract_index_ivf(index).nprobe = n

    return f"nprobe {n}" + (f", k_factor {factor}" if factor else ""), setting


def width(n):
    def setting(index):
        index.hnsw.efSearch = n

    return f"efSearch {n}", setting


row("faiss Flat", 0, lambda q: flat.search(q, K)[1])
run_faiss("IVF1024,Flat", [probes(n) for n in (64, 128, 256)])
run_faiss("IVF1024,SQ8", [probes(n) for n in (128, 256)])
run_faiss("IVF1024,PQ96x4fs,RFlat", [probes(96, 8), probes(128, 8), probes(192, 16), probes(256, 16), probes(320, 24)])
run_faiss("IVF1024,PQ192x4fs,RFlat", [probes(128, 4), probes(256, 4), probes(320, 8)])
run_faiss("HNSW32,SQ8", [width(n) for n in (48, 64, 128, 256)])
run_faiss("HNSW32", [width(n) for n in (32, 48, 64, 96, 128, 192)])

for kind in ("f32", "i8"):
    index = Index(ndim=DIMS, metric="cos", dtype=kind, connectivity=16)
    began = cpu()
    index.add(np.arange(len(base)), base, threads=1)
    built = cpu() - began
    for n in (64, 128, 256, 512):
        index.expansion_search = n
        row(f"usearch {kind}, expansion {n}", built, lambda q: [m.keys for m in index.search(q, K, threads=1)] if len(q) > 1 else [index.search(q[0], K, threads=1).keys])

# sqlite-vec compares with every row: a tenth of the questions is enough to know.
db = apsw.Connection(":memory:")  # not every Python's sqlite3 loads extensions
db.enable_load_extension(True)
db.load_extension(sqlite_vec.loadable_path())
db.execute(f"CREATE VIRTUAL TABLE v USING vec0(embedding float[{DIMS}] distance_metric=cosine)")
began = cpu()
with db:
    db.executemany("INSERT INTO v(rowid, embedding) VALUES (?, ?)", ((i, v.tobytes()) for i, v in enumerate(base)))
built = cpu() - began
began = cpu()
few = [[r[0] for r in db.execute("SELECT rowid FROM v WHERE embedding MATCH ? AND k = ?", (v.tobytes(), K))] for v in asked[:50]]
print(f"| sqlite-vec vec0 | {built:.1f} | {recall(few, truth[:50]):.3f} | – | {50 / (cpu() - began):.0f} |")
