"""LiteLLM's SDK against Parley as an OpenAI-compatible server."""

import os

import litellm
import pytest

BASE = dict(api_base=os.environ["PARLEY_URL"] + "/v1", api_key=os.environ["PARLEY_KEY"])
HELLO = [{"role": "user", "content": "Say hello."}]


def test_chat():
    r = litellm.completion(model="openai/gpt-3.5-turbo", messages=HELLO, max_tokens=8, temperature=0, **BASE)
    assert r.choices[0].message.content.strip()
    assert r.usage.completion_tokens > 0


def test_stream():
    text = "".join(
        c.choices[0].delta.content or ""
        for c in litellm.completion(
            model="openai/gpt-3.5-turbo", messages=HELLO, max_tokens=8, temperature=0, stream=True, **BASE
        )
    )
    assert text.strip()


def test_text_completion():
    r = litellm.text_completion(
        model="text-completion-openai/gpt-3.5-turbo-instruct", prompt="The sky is", max_tokens=8, **BASE
    )
    assert r.choices[0].text


def test_embedding():
    r = litellm.embedding(model="openai/text-embedding-ada-002", input=["hello"], **BASE)
    assert len(r.data[0]["embedding"]) > 0


def test_errors():
    with pytest.raises(litellm.AuthenticationError):
        litellm.completion(model="openai/gpt-4", messages=HELLO, api_base=BASE["api_base"], api_key="sk-wrong")
    with pytest.raises(litellm.NotFoundError):
        litellm.completion(model="openai/no-such-model", messages=HELLO, **BASE)
    with pytest.raises(litellm.BadRequestError):
        litellm.completion(model="openai/gpt-4", messages=HELLO, temperature=3, **BASE)
