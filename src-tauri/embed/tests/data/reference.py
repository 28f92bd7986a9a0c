"""Write reference.json: vectors of a few texts, computed with numpy alone.

Own tokenizer, own BERT, nothing shared with the Rust code but the model files.
usage: python3 reference.py MODEL_DIR > reference.json
"""
import json
import math
import struct
import sys
import unicodedata

import numpy as np

TOKENS_MAX = 256

MEDIUM = (
    "A commonplace book is a notebook in which a person keeps what is worth remembering: quotations, recipes, "
    "measurements, half-finished thoughts. John Locke published a method for indexing one in 1706; he used the first "
    "letter and the first vowel of each subject, so that any entry could be found again within seconds. The trick was "
    "not the writing but the finding. Readers who skipped the index soon owned a heap of paper instead of a memory. "
    "Today the same problem returns in another shape: a program writes thousands of notes a day, several programs "
    "write at once, and the one note that would have answered the question is buried under the others. An index by "
    "meaning helps here, because the question is seldom asked in the words of the answer."
)
LONG = MEDIUM + (
    "\n\nThe write path is short. A request enters a bounded queue, a worker prepares it outside of the lock, and a "
    "single writer commits a group of requests under one acquisition and one call of fsync. When the commit returns, "
    "every request of the group is acknowledged; before that, none is. If the process is killed at any step, the "
    "journal is replayed at the next start and exactly the acknowledged requests are found. Searches never wait for "
    "the writer, since each has its own connection and reads the last committed state."
    "\n\nThe vector of a memory follows later. A background thread takes the oldest memory without a vector, embeds "
    "it, and stores the vector in a small transaction of its own. If the backlog is long, a search by words finds the "
    "memory at once and a search by meaning finds it shortly after. This last sentence lies beyond the limit of the "
    "model and must not change the vector: zebra xylophone quartz volcano."
)
TEXTS = [
    ("eating food", "A man is eating food."),
    ("eating pasta", "A man is eating pasta."),
    ("carrying a baby", "The girl is carrying a baby."),
    ("accents and signs", "Café Zürich, naïve Ångström: 東京 x≠y — “déjà vu” 🙂 don't/won't\u200b [MASK] e\u0301"),
    ("medium", MEDIUM),
    ("long", LONG),
]


def load(directory):
    with open(f"{directory}/model.safetensors", "rb") as f:
        header_bytes = struct.unpack("<Q", f.read(8))[0]
        header = json.loads(f.read(header_bytes))
        data = f.read()
    weights = {}
    for name, info in header.items():
        if name != "__metadata__" and info["dtype"] == "F32":
            start, end = info["data_offsets"]
            weights[name] = np.frombuffer(data[start:end], "<f4").reshape(info["shape"]).astype(np.float64)
    with open(f"{directory}/tokenizer.json", encoding="utf-8") as f:
        vocabulary = json.load(f)["model"]["vocab"]
    with open(f"{directory}/config.json", encoding="utf-8") as f:
        return weights, vocabulary, json.load(f)


def is_punctuation(c):
    return 33 <= ord(c) <= 47 or 58 <= ord(c) <= 64 or 91 <= ord(c) <= 96 or 123 <= ord(c) <= 126 or \
        unicodedata.category(c).startswith("P")


def is_ideograph(c):
    return 0x4E00 <= ord(c) <= 0x9FFF


def words(text):
    kept = []
    for c in text:
        if c in "\t\n\r" or c.isspace():
            kept.append(" ")
        elif ord(c) in (0, 0xFFFD) or unicodedata.category(c).startswith("C"):
            continue
        else:
            kept.append(f" {c} " if is_ideograph(c) else c)
    plain = unicodedata.normalize("NFD", "".join(kept)).lower()
    plain = "".join(c for c in plain if unicodedata.category(c) != "Mn")
    spaced = "".join(f" {c} " if is_punctuation(c) else c for c in plain)
    return spaced.split()


def pieces(word, vocabulary):
    found, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = ("##" if start else "") + word[start:end]
            if piece in vocabulary:
                found.append(vocabulary[piece])
                start = end
                break
        else:
            return [vocabulary["[UNK]"]]
    return found


def tokenize(text, vocabulary):
    ids = []
    for i, part in enumerate(text.split("[MASK]")):
        if i:
            ids.append(vocabulary["[MASK]"])
        for word in words(part):
            ids += pieces(word, vocabulary)
    was_cut = len(ids) > TOKENS_MAX - 2
    return [vocabulary["[CLS]"], *ids[: TOKENS_MAX - 2], vocabulary["[SEP]"]], was_cut


def embed(ids, w, config):
    heads, eps = config["num_attention_heads"], config["layer_norm_eps"]

    def linear(x, name):
        return x @ w[name + ".weight"].T + w[name + ".bias"]

    def norm(x, name):
        x = x - x.mean(-1, keepdims=True)
        x = x / np.sqrt((x * x).mean(-1, keepdims=True) + eps)
        return x * w[name + ".weight"] + w[name + ".bias"]

    def split(x):
        return x.reshape(len(ids), heads, -1).transpose(1, 0, 2)

    x = w["embeddings.word_embeddings.weight"][ids] + w["embeddings.position_embeddings.weight"][: len(ids)] \
        + w["embeddings.token_type_embeddings.weight"][0]
    x = norm(x, "embeddings.LayerNorm")
    for layer in range(config["num_hidden_layers"]):
        p = f"encoder.layer.{layer}."
        q, k, v = (split(linear(x, f"{p}attention.self.{part}")) for part in ("query", "key", "value"))
        scores = q @ k.transpose(0, 2, 1) / math.sqrt(q.shape[-1])
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        scores = scores / scores.sum(-1, keepdims=True)
        seen = (scores @ v).transpose(1, 0, 2).reshape(len(ids), -1)
        x = norm(x + linear(seen, f"{p}attention.output.dense"), f"{p}attention.output.LayerNorm")
        h = linear(x, f"{p}intermediate.dense")
        h = h * 0.5 * (1 + np.vectorize(math.erf)(h / math.sqrt(2)))
        x = norm(x + linear(h, f"{p}output.dense"), f"{p}output.LayerNorm")
    mean = x.mean(0)
    return mean / np.linalg.norm(mean)


def main():
    w, vocabulary, config = load(sys.argv[1])
    cases = []
    for name, text in TEXTS:
        ids, was_cut = tokenize(text, vocabulary)
        vector = embed(ids, w, config)
        cases.append({"name": name, "text": text, "tokens": len(ids), "was_cut": was_cut,
                      "vector": [round(float(x), 6) for x in vector]})
    lines = ",\n".join(json.dumps(case) for case in cases)
    print(f"[\n{lines}\n]")


main()
