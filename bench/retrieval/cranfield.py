"""Retrieval on the Cranfield collection: nDCG@10 of a vector store's hybrid search beside words alone, vectors alone, and LangChain's
default splitter with FAISS over the same embeddings, which it gets from the same server's /v1/embeddings.

    cranfield.py DIR URL KEY      DIR has corpus.jsonl, queries.jsonl and qrels.tsv

Grades 1, 2, 3, 4 of the collection (1 is a complete answer) are gains 4, 3, 2, 1. Documents without text are left out, as a vector store
refuses them. Prints a Markdown table, and for each pair of ways on how many questions the one is better.
"""

import json
import math
import os
import sys
import time
import urllib.request

folder, url, key = sys.argv[1:4]
EMBEDDINGS = "text-embedding-3-small"
DEPTH = 50  # results asked for


def call(method, path, body=None, headers=None):
    headers = {"Authorization": "Bearer " + key, **(headers or {})}
    data = body
    if body is not None and not isinstance(body, bytes):
        data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
    request = urllib.request.Request(url + "/v1" + path, data=data, headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=600) as answer:
        return json.load(answer)


def upload(name, text):
    mark = "boundary-of-the-parts"
    form = (
        f'--{mark}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nassistants\r\n'
        f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: text/plain\r\n\r\n{text}\r\n--{mark}--\r\n'
    )
    return call("POST", "/files", form.encode(), {"Content-Type": "multipart/form-data; boundary=" + mark})["id"]


def lines(name):
    with open(os.path.join(folder, name), encoding="utf-8") as f:
        return [json.loads(line) for line in f if line.strip()]


corpus = [d for d in lines("corpus.jsonl") if d["text"].strip()]
queries = lines("queries.jsonl")
gains = {}
with open(os.path.join(folder, "qrels.tsv"), encoding="utf-8") as f:
    next(f)
    for line in f:
        q, d, grade = line.split("\t")
        if int(grade) in (1, 2, 3, 4):
            gains.setdefault(int(q), {})[int(d)] = 5 - int(grade)


def ndcg(ranked, wanted):
    dcg = sum(wanted.get(d, 0) / math.log2(i + 2) for i, d in enumerate(ranked[:10]))
    ideal = sum(g / math.log2(i + 2) for i, g in enumerate(sorted(wanted.values(), reverse=True)[:10]))
    return dcg / ideal if ideal else 0.0


def first(items):
    return list(dict.fromkeys(items))


def search(store, text, weights):
    body = {"query": text, "max_num_results": DEPTH}
    if weights:
        body["ranking_options"] = {"hybrid_search": {"embedding_weight": weights[0], "text_weight": weights[1]}}
    page = call("POST", f"/vector_stores/{store}/search", body)
    return first(int(r["filename"].removesuffix(".txt")) for r in page["data"])


def fill():
    start = time.time()
    ids = [upload(f"{d['id']}.txt", d["text"]) for d in corpus]
    uploaded = time.time()
    store = call("POST", "/vector_stores", {"name": "cranfield"})["id"]
    batch = call("POST", f"/vector_stores/{store}/file_batches", {"file_ids": ids})
    while batch["status"] == "in_progress":
        time.sleep(0.5)
        batch = call("GET", f"/vector_stores/{store}/file_batches/{batch['id']}")
    if batch["file_counts"]["completed"] != len(corpus):
        sys.exit(f"not all files were read: {batch}")
    v = call("GET", f"/vector_stores/{store}")
    print(
        f"{len(corpus)} files: uploaded in {uploaded - start:.1f} s, read and embedded in {time.time() - uploaded:.1f} s, {v['usage_bytes'] / 1e6:.1f} MB in the store",
        file=sys.stderr,
    )
    return store


def langchain():
    from langchain_community.vectorstores import FAISS
    from langchain_core.embeddings import Embeddings
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    class Served(Embeddings):
        def embed_documents(self, texts):
            out = []
            for i in range(0, len(texts), 64):
                page = call("POST", "/embeddings", {"model": EMBEDDINGS, "input": texts[i : i + 64]})
                out += [e["embedding"] for e in page["data"]]
            return out

        def embed_query(self, text):
            return self.embed_documents([text])[0]

    splitter = RecursiveCharacterTextSplitter()
    pieces = splitter.create_documents([d["text"] for d in corpus], metadatas=[{"id": d["id"]} for d in corpus])
    index = FAISS.from_documents(pieces, Served())
    return lambda text: first(p.metadata["id"] for p in index.similarity_search(text, k=DEPTH))


store = os.environ.get("STORE") or fill()
ways = {
    "hybrid": lambda text: search(store, text, None),
    "words alone (BM25)": lambda text: search(store, text, (0, 1)),
    "vectors alone": lambda text: search(store, text, (1, 0)),
    "LangChain's default splitter + FAISS": langchain(),
}
scores, took = {}, {}
for name, way in ways.items():
    start = time.time()
    scores[name] = [ndcg(way(q["text"]), gains.get(q["id"], {})) for q in queries]
    took[name] = (time.time() - start) / len(queries)

print(f"| {len(corpus)} documents, {len(queries)} questions | nDCG@10 | ms per question |\n|---|---|---|")
for name, values in scores.items():
    print(f"| {name} | {sum(values) / len(values):.4f} | {1000 * took[name]:.0f} |")
print()
hybrid = scores["hybrid"]
for name, values in scores.items():
    if name != "hybrid":
        better = sum(a > b + 1e-9 for a, b in zip(hybrid, values))
        worse = sum(a < b - 1e-9 for a, b in zip(hybrid, values))
        print(f"hybrid against {name}: better on {better} questions, worse on {worse}, equal on {len(values) - better - worse}")
if os.environ.get("RANKINGS"):
    with open(os.environ["RANKINGS"], "w", encoding="utf-8") as f:
        json.dump(scores, f)
if any(sum(values) > sum(hybrid) for values in scores.values()):
    sys.exit("hybrid is not the best of them")
