"""The official client of January 2024 (openai 1.10) and of today, unmodified but for base URL and key."""

import asyncio
import base64

import numpy
import openai
import pytest
from common import CAPITAL, HELLO, SETTINGS, client, later


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
            **later(stream_options={"include_usage": True}),
        )
    )
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text.strip()
    assert chunks[-1].model_dump()["usage"]["completion_tokens"] > 0
    assert not chunks[-1].choices


def test_chat_streams_n():
    args = dict(model="gpt-3.5-turbo", messages=HELLO, max_tokens=8, temperature=1, n=3, seed=5)
    whole = client.chat.completions.create(**args)
    assert [c.index for c in whole.choices] == [0, 1, 2]
    roles, texts, reasons = {}, [""] * 3, {}
    for chunk in client.chat.completions.create(stream=True, **args):
        assert chunk.object == "chat.completion.chunk" and chunk.id
        for c in chunk.choices:
            assert c.index not in reasons
            if c.delta.role:
                assert not texts[c.index]
                roles[c.index] = c.delta.role
            texts[c.index] += c.delta.content or ""
            if c.finish_reason:
                reasons[c.index] = c.finish_reason
    assert roles == dict.fromkeys(range(3), "assistant")
    assert set(reasons) == {0, 1, 2} and set(reasons.values()) <= {"stop", "length"}
    assert all(texts) and len(set(texts)) > 1


def test_chat_logprobs():
    args = dict(model="gpt-3.5-turbo", messages=CAPITAL, max_tokens=6, temperature=0, logprobs=True, top_logprobs=3)
    whole = client.chat.completions.create(**args).choices[0]
    assert "".join(t.token for t in whole.logprobs.content) == whole.message.content
    for t in whole.logprobs.content:
        assert bytes(t.bytes).decode() == t.token
        assert len(t.top_logprobs) == 3
        assert t.top_logprobs[0].token == t.token and t.top_logprobs[0].logprob == t.logprob <= 0
    streamed = [
        t
        for chunk in client.chat.completions.create(stream=True, **args)
        if chunk.choices[0].logprobs
        for t in chunk.choices[0].logprobs.content
    ]
    assert [t.token for t in streamed] == [t.token for t in whole.logprobs.content]


def test_seed_repeats():
    def first_token(seed):
        r = client.chat.completions.create(model="gpt-3.5-turbo", messages=HELLO, max_tokens=1, temperature=1, seed=seed)
        return r.choices[0].message.content

    once, again = ([first_token(seed) for seed in range(16)] for _ in range(2))
    # What lies in the cache changes last digits, and with them a choice now and then.
    assert sum(a == b for a, b in zip(once, again)) >= 6
    assert len(set(once)) >= 4


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


def test_completion_streamed_with_n_and_logprobs():
    args = dict(model="gpt-3.5-turbo-instruct", prompt=["0, 1, 2, 3,", "10, 11, 12,"], max_tokens=4, temperature=0, logprobs=2, echo=True)
    whole = client.completions.create(**args).choices
    assert [c.index for c in whole] == [0, 1]
    texts, tokens = [""] * 2, [[], []]
    for chunk in client.completions.create(stream=True, **args):
        for c in chunk.choices:
            texts[c.index] += c.text
            if c.logprobs:
                tokens[c.index] += c.logprobs.tokens
    for c in whole:
        assert texts[c.index] == c.text
        assert tokens[c.index] == c.logprobs.tokens
        assert "".join(c.logprobs.tokens) == c.text
    two = client.completions.create(model="davinci-002", prompt="Once upon", n=2, best_of=3, max_tokens=4, seed=1)
    assert [c.index for c in two.choices] == [0, 1]
    assert two.usage.completion_tokens > 8


def test_raw_response():
    r = client.chat.completions.with_raw_response.create(model="gpt-3.5-turbo", messages=HELLO, max_tokens=4)
    assert r.headers["x-request-id"].startswith("req_")
    assert r.headers["openai-version"] and r.headers["openai-model"] and int(r.headers["openai-processing-ms"]) >= 0
    assert r.parse().choices[0].message.content
    assert client.models.with_raw_response.list().parse().data
    with client.chat.completions.with_streaming_response.create(
        model="gpt-3.5-turbo", messages=HELLO, max_tokens=4, stream=True
    ) as r:
        assert r.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in r.iter_lines() if line]
    assert all(line.startswith("data: ") for line in lines)
    assert lines[-1] == "data: [DONE]"


def test_async():
    async def all_at_once():
        async with openai.AsyncOpenAI(**SETTINGS) as a:

            async def streamed():
                stream = await a.chat.completions.create(model="gpt-4", messages=HELLO, max_tokens=8, temperature=0, stream=True)
                return "".join([c.choices[0].delta.content or "" async for c in stream])

            async def listed():
                return {m.id async for m in a.models.list()}

            return await asyncio.gather(
                streamed(),
                a.chat.completions.create(model="gpt-4", messages=HELLO, max_tokens=8, temperature=0),
                a.completions.create(model="babbage-002", prompt="1, 2, 3,", max_tokens=4, temperature=0),
                a.embeddings.create(model="text-embedding-ada-002", input="hello"),
                listed(),
            )

    text, chat, completion, embedding, names = asyncio.run(all_at_once())
    assert text.strip() and chat.choices[0].message.content.strip()
    assert completion.choices[0].text
    assert len(embedding.data[0].embedding) == 1536
    assert "gpt-4" in names


def test_timeout():
    impatient = client.with_options(timeout=0.3)
    with pytest.raises(openai.APITimeoutError):
        impatient.completions.create(model="gpt-3.5-turbo-instruct", prompt="1, 2, 3,", max_tokens=1900, n=8)
    assert client.completions.create(model="gpt-3.5-turbo-instruct", prompt="1, 2, 3,", max_tokens=2).choices[0].text


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


def test_error_classes():
    with pytest.raises(openai.AuthenticationError):
        openai.OpenAI(**dict(SETTINGS, api_key="sk-wrong")).models.list()
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
