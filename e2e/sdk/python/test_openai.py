"""Today's official client, unmodified but for base URL and key."""

import base64
import os

import numpy
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
    assert all(isinstance(x, float) for x in v)  # the client asks for base64 by itself and decodes it with numpy
    coded = client.embeddings.create(model="text-embedding-ada-002", input="hello", encoding_format="base64")
    raw = numpy.frombuffer(base64.b64decode(coded.data[0].embedding), dtype="<f4")
    assert raw.shape == (1536,) and numpy.array_equal(raw, numpy.array(v, dtype="<f4"))
    plain = client.embeddings.create(model="text-embedding-ada-002", input="hello", encoding_format="float")
    assert max(abs(a - b) for a, b in zip(v, plain.data[0].embedding)) < 1e-5


def test_embedding_fits_the_column():
    """A table made for the original's vectors takes ours; the zeros at the end change no cosine."""
    for model, length in ("text-embedding-ada-002", 1536), ("text-embedding-3-small", 1536), ("text-embedding-3-large", 3072):
        assert len(client.embeddings.create(model=model, input="hello").data[0].embedding) == length
    texts = ["a cat", "a kitten"]

    def cosine(**kw):
        a, b = (d.embedding for d in client.embeddings.create(model="text-embedding-3-large", input=texts, **kw).data)
        assert abs(sum(x * x for x in a) - 1) < 1e-3
        return sum(x * y for x, y in zip(a, b))

    assert abs(cosine() - cosine(dimensions=1024)) < 1e-5
    assert len(client.embeddings.create(model="text-embedding-3-large", input="hello", dimensions=256).data[0].embedding) == 256
    assert cosine(dimensions=256) > 0


def test_embedding_of_token_ids():
    """What LangChain does: ids of cl100k_base. The vector is that of the text."""
    ids = [[16047, 38, 2898, 374, 2294, 0], [15339]]  # "ChatGPT is great!", "hello"
    by_id = client.embeddings.create(model="text-embedding-ada-002", input=ids)
    by_text = client.embeddings.create(model="text-embedding-ada-002", input=["ChatGPT is great!", "hello"])
    for a, b in zip(by_id.data, by_text.data):
        assert max(abs(x - y) for x, y in zip(a.embedding, b.embedding)) < 1e-5
    one = client.embeddings.create(model="text-embedding-ada-002", input=ids[0])
    assert max(abs(x - y) for x, y in zip(one.data[0].embedding, by_id.data[0].embedding)) < 1e-5


def test_embedding_of_long_and_many_inputs():
    r = client.embeddings.with_raw_response.create(model="text-embedding-ada-002", input=["word " * 2000, "hello"])
    windows, _, inputs = r.headers["parley-embedding-windows"].partition("; inputs=")
    assert int(windows) >= 4 and inputs == "1"
    long, hello = (d.embedding for d in r.parse().data)
    assert len(long) == len(hello) == 1536 and abs(sum(x * x for x in long) - 1) < 1e-3
    assert r.parse().usage.prompt_tokens > 2000
    with pytest.raises(openai.BadRequestError) as e:
        client.embeddings.create(model="text-embedding-ada-002", input="word " * 9000)
    assert e.value.code == "context_length_exceeded"
    assert "This model's maximum context length is 8191 tokens, however you requested 9001 tokens" in e.value.message
    with pytest.raises(openai.BadRequestError) as e:
        client.embeddings.create(model="text-embedding-ada-002", input=["a"] * 2049)
    assert e.value.code == "array_above_max_length"
    for empty in "", [], ["a", ""]:
        with pytest.raises(openai.BadRequestError) as e:
            client.embeddings.create(model="text-embedding-ada-002", input=empty)
        assert e.value.param == "input"
    assert len(client.embeddings.create(model="text-embedding-ada-002", input=["a"] * 2048).data) == 2048


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
