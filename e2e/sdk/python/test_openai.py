"""Today's official client, unmodified but for base URL and key."""

import os

import openai
import pytest
from openai import OpenAI

client = OpenAI(base_url=os.environ["PARLEY_URL"] + "/v1", api_key=os.environ["PARLEY_KEY"], max_retries=0)

HELLO = [{"role": "user", "content": "Say hello."}]


def test_list_models():
    names = {m.id for m in client.models.list()}
    assert {"gpt-3.5-turbo", "gpt-4", "text-davinci-003", "text-embedding-ada-002"} <= names
    assert client.models.retrieve("gpt-4").id == "gpt-4"


def test_chat():
    r = client.chat.completions.create(model="gpt-3.5-turbo", messages=HELLO, max_tokens=12, temperature=0)
    assert r.choices[0].message.content.strip()
    assert r.choices[0].finish_reason in ("stop", "length")
    assert r.system_fingerprint
    assert r.usage.total_tokens == r.usage.prompt_tokens + r.usage.completion_tokens


def test_chat_stream_with_usage():
    chunks = list(
        client.chat.completions.create(
            model="gpt-3.5-turbo",
            messages=HELLO,
            max_tokens=12,
            temperature=0,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text.strip()
    assert chunks[-1].usage.completion_tokens > 0
    assert not chunks[-1].choices


def test_seed_repeats():
    def ask():
        return (
            client.chat.completions.create(
                model="gpt-3.5-turbo", messages=HELLO, max_tokens=16, temperature=1, seed=42
            )
            .choices[0]
            .message.content
        )

    ask()  # fills the prefix cache, which changes floats: the two that are compared both hit it
    assert ask() == ask()


def test_korean_text_is_whole():
    r = client.chat.completions.create(
        model="gpt-3.5-turbo",
        messages=[{"role": "user", "content": "따라 해: 안녕하세요, 반갑습니다 🙂"}],
        max_tokens=24,
        temperature=0,
    )
    r.choices[0].message.content.encode("utf-8")
    assert "\ufffd" not in r.choices[0].message.content


def test_completion():
    r = client.completions.create(model="gpt-3.5-turbo-instruct", prompt="The sky is", max_tokens=8, temperature=0)
    assert r.choices[0].text


def test_embedding_quiet_base64():
    r = client.embeddings.create(model="text-embedding-ada-002", input="hello")
    v = r.data[0].embedding
    assert abs(sum(x * x for x in v) - 1) < 1e-3
    plain = client.embeddings.create(model="text-embedding-ada-002", input="hello", encoding_format="float")
    assert max(abs(a - b) for a, b in zip(v, plain.data[0].embedding)) < 1e-5


def test_error_classes():
    with pytest.raises(openai.AuthenticationError):
        OpenAI(base_url=client.base_url, api_key="sk-wrong", max_retries=0).models.list()
    with pytest.raises(openai.NotFoundError) as e:
        client.chat.completions.create(model="no-such-model", messages=HELLO)
    assert e.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as e:
        client.chat.completions.create(model="gpt-4", messages=HELLO, temperature=3)
    assert e.value.param == "temperature"
    with pytest.raises(openai.BadRequestError) as e:
        client.chat.completions.create(
            model="gpt-4", messages=[{"role": "user", "content": "word " * 20000}], max_tokens=4
        )
    assert e.value.code == "context_length_exceeded"


def test_leaving_a_stream_costs_nothing_lasting():
    for _ in range(5):
        stream = client.chat.completions.create(
            model="gpt-3.5-turbo", messages=HELLO, max_tokens=2000, temperature=1, stream=True
        )
        next(iter(stream))
        stream.close()
    test_chat()
