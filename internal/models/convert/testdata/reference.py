"""Makes minilm.json: token ids and vectors of all-MiniLM-L6-v2 for twenty texts, computed in float64 by a
BERT written out here, which shares no code with Parley, llama.cpp or torch.

    pip install numpy tokenizers
    python reference.py DIRECTORY_OF_THE_MODEL > minilm.json
"""

import base64
import json
import math
import struct
import sys
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

TEXTS = [
    "The cat sits on the mat.",
    "A feline is resting on a rug.",
    "How do I reset my password?",
    "def quicksort(values): return sorted(values)",
    "Le café était fermé, hélas; nous allâmes à la crêperie.",
    "Żółć, gęślą jaźń — über naïve façades.",
    "ÉCOLE ÉLÉMENTAIRE, İstanbul, ǅungla",
    "안녕하세요, 저는 서울에서 왔습니다.",
    "한국어 문장을 벡터로 바꾸는 모델입니다",
    "東京は日本の首都です。",
    "中文句子没有空格，但每个字都是一个词。",
    "I love this! 😀🎉👩‍👩‍👧",
    "Emoji 🚀 in the middle and at the end 🔥",
    "Привет, как дела?",
    "Prices: $19.99, €20,00 or £15 (incl. 7% VAT)?!",
    "e-mail: someone@example.com; site: https://example.org/a?b=c&d=e",
    "   spaces\tand\nnew lines   everywhere  ",
    "antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis",
    "x",
    "Long texts are cut into tokens one after another, and every token looks at all the others; so this sentence, "
    "which goes on for quite a while without saying anything of importance, makes the attention work on more than a "
    "handful of positions at once, as real documents do when somebody searches them.",
]


def read_safetensors(path):
    data = Path(path).read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    head = json.loads(data[8 : 8 + size])
    out = {}
    for name, row in head.items():
        if name == "__metadata__" or row["dtype"] != "F32":
            continue
        begin, end = row["data_offsets"]
        values = np.frombuffer(data, dtype="<f4", count=(end - begin) // 4, offset=8 + size + begin)
        out[name] = values.reshape(row["shape"]).astype(np.float64)
    return out


def erf(x):
    return np.vectorize(math.erf)(x)


class Bert:
    def __init__(self, directory):
        self.w = read_safetensors(Path(directory) / "model.safetensors")
        self.c = json.loads((Path(directory) / "config.json").read_text())

    def norm(self, x, name):
        mean = x.mean(-1, keepdims=True)
        spread = np.sqrt(((x - mean) ** 2).mean(-1, keepdims=True) + self.c["layer_norm_eps"])
        return (x - mean) / spread * self.w[name + ".weight"] + self.w[name + ".bias"]

    def dense(self, x, name):
        return x @ self.w[name + ".weight"].T + self.w[name + ".bias"]

    def attention(self, x, layer):
        n, width = x.shape
        heads = self.c["num_attention_heads"]

        def split(name):
            return self.dense(x, f"{layer}.attention.self.{name}").reshape(n, heads, width // heads).transpose(1, 0, 2)

        q, k, v = split("query"), split("key"), split("value")
        scores = q @ k.transpose(0, 2, 1) / math.sqrt(width // heads)
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (scores / scores.sum(-1, keepdims=True)) @ v
        return mixed.transpose(1, 0, 2).reshape(n, width)

    def vector(self, ids):
        w = self.w
        x = w["embeddings.word_embeddings.weight"][ids]
        x = x + w["embeddings.position_embeddings.weight"][: len(ids)] + w["embeddings.token_type_embeddings.weight"][0]
        x = self.norm(x, "embeddings.LayerNorm")
        for i in range(self.c["num_hidden_layers"]):
            layer = f"encoder.layer.{i}"
            x = self.norm(x + self.dense(self.attention(x, layer), f"{layer}.attention.output.dense"), f"{layer}.attention.output.LayerNorm")
            h = self.dense(x, f"{layer}.intermediate.dense")
            h = 0.5 * h * (1 + erf(h / math.sqrt(2)))
            x = self.norm(x + self.dense(h, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
        mean = x.mean(0)
        return mean / np.linalg.norm(mean)


def main(directory):
    tokenizer = Tokenizer.from_file(str(Path(directory) / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    bert = Bert(directory)
    rows = []
    for text in TEXTS:
        ids = tokenizer.encode(text).ids
        vector = bert.vector(ids).astype("<f4").tobytes()
        rows.append({"text": text, "ids": ids, "vector": base64.b64encode(vector).decode()})
    print("[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]")


if __name__ == "__main__":
    main(sys.argv[1])
