"""Embeddings at the limits, with today's official client: the work is the server's, so that one client is enough."""

import openai
import pytest
from common import client


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
