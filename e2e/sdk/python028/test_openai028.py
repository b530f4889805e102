"""The official client of 2023 (openai 0.28), unmodified but for base URL and key."""

import json
import os

import openai
import pytest

openai.api_base = os.environ["PARLEY_URL"] + "/v1"
openai.api_key = os.environ["PARLEY_KEY"]

HELLO = [{"role": "user", "content": "Say hello."}]


def test_list_models():
    names = {m["id"] for m in openai.Model.list()["data"]}
    assert {"gpt-3.5-turbo", "gpt-4", "text-davinci-003", "text-embedding-ada-002"} <= names
    assert openai.Model.retrieve("gpt-3.5-turbo")["object"] == "model"


def test_chat():
    r = openai.ChatCompletion.create(model="gpt-3.5-turbo", messages=HELLO, max_tokens=12, temperature=0)
    assert r["object"] == "chat.completion"
    assert r["id"].startswith("chatcmpl-")
    choice = r["choices"][0]
    assert choice["message"]["role"] == "assistant"
    assert choice["message"]["content"].strip()
    assert choice["finish_reason"] in ("stop", "length")
    assert r["usage"]["prompt_tokens"] > 0
    assert 0 < r["usage"]["completion_tokens"] <= 12
    assert r["usage"]["total_tokens"] == r["usage"]["prompt_tokens"] + r["usage"]["completion_tokens"]


def test_chat_stream_equals_whole():
    # The small model is sure of this answer: what lies in the cache changes last digits, and with them a
    # choice between equals.
    messages = [
        {"role": "user", "content": "What is the capital of Italy?"},
        {"role": "assistant", "content": "The capital of Italy is Rome."},
        {"role": "user", "content": "What is the capital of France?"},
    ]
    args = dict(model="gpt-3.5-turbo", messages=messages, max_tokens=16, temperature=0, seed=7)
    whole = openai.ChatCompletion.create(**args)["choices"][0]["message"]["content"]
    chunks = list(openai.ChatCompletion.create(stream=True, **args))
    assert chunks[0]["object"] == "chat.completion.chunk"
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    text = "".join(c["choices"][0]["delta"].get("content", "") for c in chunks if c["choices"])
    assert text == whole
    reasons = [c["choices"][0]["finish_reason"] for c in chunks if c["choices"]]
    assert reasons[-1] in ("stop", "length")
    assert all(r is None for r in reasons[:-1])


def test_chat_n_and_nulls_of_old_programs():
    r = openai.ChatCompletion.create(
        model="gpt-4", messages=HELLO, max_tokens=8, n=3, temperature=1, stop=None, user=None, seed=1
    )
    assert [c["index"] for c in r["choices"]] == [0, 1, 2]


def test_completion():
    r = openai.Completion.create(model="text-davinci-003", prompt="The capital of France is", temperature=0)
    assert r["object"] == "text_completion"
    assert r["choices"][0]["text"]
    assert r["usage"]["completion_tokens"] <= 16  # the default of max_tokens


def test_completion_list_of_prompts_in_order():
    prompts = ["One, two,", "The sun is", "A, B,"]
    both = openai.Completion.create(model="text-davinci-003", prompt=prompts, max_tokens=4, temperature=0)
    assert [c["index"] for c in both["choices"]] == [0, 1, 2]


def test_completion_stream():
    text = "".join(
        c["choices"][0]["text"]
        for c in openai.Completion.create(
            model="text-davinci-003", prompt="Once upon a time", max_tokens=12, temperature=0, stream=True
        )
    )
    assert text.strip()


def test_stop_sequence_never_leaks():
    r = openai.Completion.create(model="text-davinci-003", prompt="1, 2, 3, 4, 5, 6,", max_tokens=24, temperature=0)
    text = r["choices"][0]["text"]
    assert len(text) > 6
    stop = text[4:6]
    r = openai.Completion.create(
        model="text-davinci-003", prompt="1, 2, 3, 4, 5, 6,", max_tokens=24, temperature=0, stop=[stop]
    )
    assert r["choices"][0]["text"] == text[: text.index(stop)]
    assert r["choices"][0]["finish_reason"] == "stop"


def test_embedding():
    r = openai.Embedding.create(model="text-embedding-ada-002", input=["a cat", "a kitten", "the stock market"])
    cat, kitten, market = (d["embedding"] for d in r["data"])

    def dot(a, b):
        return sum(x * y for x, y in zip(a, b))

    assert abs(dot(cat, cat) - 1) < 1e-3
    assert dot(cat, kitten) > dot(cat, market)
    assert r["usage"]["prompt_tokens"] > 0
    assert len(cat) == 1536
    ids = openai.Embedding.create(model="text-embedding-ada-002", input=[[64, 8415]])["data"][0]["embedding"]  # "a cat"
    assert max(abs(x - y) for x, y in zip(ids, cat)) < 1e-5


def test_wrong_key():
    with pytest.raises(openai.error.AuthenticationError) as e:
        openai.Model.list(api_key="sk-wrong")
    assert e.value.http_status == 401
    assert "Incorrect API key provided" in str(e.value)


def test_unknown_model():
    with pytest.raises(openai.error.InvalidRequestError) as e:
        openai.ChatCompletion.create(model="no-such-model", messages=HELLO)
    assert e.value.http_status == 404
    assert e.value.code == "model_not_found"


@pytest.mark.parametrize(
    "change, param",
    [
        ({"temperature": 3}, "temperature"),
        ({"n": 0}, "n"),
        ({"n": 129}, "n"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
        ({"messages": []}, "messages"),
        ({"logit_bias": {"50256": 101}}, "logit_bias"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "messages"),
    ],
)
def test_bad_input_names_the_parameter(change, param):
    args = dict(model="gpt-3.5-turbo", messages=HELLO, max_tokens=4)
    args.update(change)
    with pytest.raises(openai.error.InvalidRequestError) as e:
        openai.ChatCompletion.create(**args)
    assert e.value.http_status == 400
    assert param in (e.value.param or "")


def test_prompt_beyond_the_window():
    with pytest.raises(openai.error.InvalidRequestError) as e:
        openai.ChatCompletion.create(
            model="gpt-3.5-turbo", messages=[{"role": "user", "content": "word " * 20000}], max_tokens=4
        )
    assert e.value.code == "context_length_exceeded"
    assert "maximum context length" in str(e.value)


def test_json_mode():
    """0.28 sends what it does not know as it is; later programs of that time used JSON mode so."""
    r = openai.ChatCompletion.create(
        model="gpt-3.5-turbo",
        messages=[{"role": "user", "content": "Describe a cat as a JSON object."}],
        max_tokens=80,
        temperature=1,
        seed=5,
        n=2,
        response_format={"type": "json_object"},
    )
    for choice in r["choices"]:
        assert choice["message"]["content"].startswith("{")
        if choice["finish_reason"] == "stop":
            assert isinstance(json.loads(choice["message"]["content"]), dict)
    with pytest.raises(openai.error.InvalidRequestError, match="must contain the word 'json'") as e:
        openai.ChatCompletion.create(model="gpt-3.5-turbo", messages=HELLO, response_format={"type": "json_object"})
    assert e.value.param == "messages"


def test_tools_of_november_2023():
    """0.28 sends what it does not know as it is; programs used the tools of that month so."""
    tools = [
        {"type": "function", "function": {"name": "add", "parameters": {
            "type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "required": ["a", "b"]}}}
    ]
    args = dict(model="gpt-3.5-turbo-1106", messages=[{"role": "user", "content": "What is 2 plus 3?"}], tools=tools, temperature=0, max_tokens=60)
    forced = {"type": "function", "function": {"name": "add"}}
    choice = openai.ChatCompletion.create(tool_choice=forced, **args)["choices"][0]
    (call,) = choice["message"]["tool_calls"]
    assert choice["finish_reason"] == "stop" and call["type"] == "function" and call["id"].startswith("call_")
    arguments = json.loads(call["function"]["arguments"])
    assert all(isinstance(arguments[name], int) for name in ("a", "b"))
    written = ""
    for piece in openai.ChatCompletion.create(tool_choice=forced, stream=True, **args):
        for c in piece["choices"][0]["delta"].get("tool_calls") or []:
            assert c["index"] == 0
            written += c["function"]["arguments"]
    assert set(json.loads(written)) == {"a", "b"}
