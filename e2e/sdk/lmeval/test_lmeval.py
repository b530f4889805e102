"""lm-eval's local-completions on a task of our own. It cuts the continuation's tokens out of the echoed
prompt by its own count of tokens, and drops the token that the model produced: both must agree with
what the server does."""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

HERE = Path(__file__).parent
URL, KEY = os.environ["PARLEY_URL"] + "/v1/completions", os.environ["PARLEY_KEY"]
MODEL = "smollm2-135m-instruct"


def run(tmp_path, tokenized):
    args = f"model={MODEL},base_url={URL},tokenizer={os.environ['PARLEY_TOKENIZER']},tokenizer_backend=huggingface,tokenized_requests={tokenized},num_concurrent=1"
    env = dict(os.environ, OPENAI_API_KEY=KEY, HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path / "hf"), HF_DATASETS_OFFLINE="1")
    command = [sys.executable, "-m", "lm_eval", "run", "--model", "local-completions", "--model_args", args, "--tasks", "capitals"]
    command += ["--include_path", str(HERE), "--output_path", str(tmp_path / "out"), "--log_samples"]
    done = subprocess.run(command, cwd=HERE, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    (samples,) = (tmp_path / "out").rglob("samples_capitals_*.jsonl")
    (results,) = (tmp_path / "out").rglob("results_*.json")
    accuracy = json.loads(results.read_text())["results"]["capitals"]["acc,none"]
    return accuracy, sorted(map(json.loads, samples.read_text().splitlines()), key=lambda s: s["doc_id"])


def score(context, continuation):
    """The sum of the continuation's logprobs, by the characters at which its tokens stand."""
    body = {"model": MODEL, "prompt": context + continuation, "max_tokens": 0, "echo": True, "logprobs": 1}
    headers = {"Authorization": "Bearer " + KEY, "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(URL, json.dumps(body).encode(), headers)) as answer:
        lp = json.load(answer)["choices"][0]["logprobs"]
    return sum(x for x, at in zip(lp["token_logprobs"], lp["text_offset"]) if at >= len(context))


@pytest.mark.parametrize("tokenized", [False, True])
def test_multiple_choice(tmp_path, tokenized):
    accuracy, samples = run(tmp_path, tokenized)
    assert len(samples) == 6
    # Guessing gives a third.
    assert accuracy > 0.5
    for s in samples:
        for choice, resp in zip(s["doc"]["choices"], s["filtered_resps"]):
            want = score("The capital of " + s["doc"]["country"] + " is", " " + choice)
            assert float(resp[0]) == pytest.approx(want, abs=1e-3)
