"""What the tests of the official client since 1.0 share: a client, and which version it is."""

import json
import os

import openai

BASE_URL = os.environ["PARLEY_URL"] + "/v1"
KEY = os.environ["PARLEY_KEY"]
SETTINGS = dict(base_url=BASE_URL, api_key=KEY, max_retries=0)

client = openai.OpenAI(**SETTINGS)

# 1.10 is of January 2024; what came later it sends by extra_body.
OF_JANUARY_2024 = openai.__version__.startswith("1.10.")

HELLO = [{"role": "user", "content": "Say hello."}]

# Two answers are compared where the small model is sure of each token: what lies in the cache, and what
# else is computed in the same step, changes last digits, and with them a choice between equals.
CAPITAL = [
    {"role": "user", "content": "What is the capital of Italy?"},
    {"role": "assistant", "content": "The capital of Italy is Rome."},
    {"role": "user", "content": "What is the capital of France?"},
]


def later(**parameters):
    """Parameters that came after January 2024."""
    return {"extra_body": parameters} if OF_JANUARY_2024 else parameters


def begins_json(text):
    """Whether a text that is no JSON is the beginning of JSON: the error is at its end."""
    try:
        json.loads(text)
        return True
    except json.JSONDecodeError as e:
        rest = text[e.pos :]
        return (
            not rest.strip()
            or e.msg.startswith(("Unterminated string", "Invalid \\"))
            or any(word.startswith(rest) for word in ("true", "false", "null"))
            or all(c in "+-.0123456789eE" for c in rest)
        )
