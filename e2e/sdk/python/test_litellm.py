"""LiteLLM's SDK against Parley as an OpenAI-compatible server."""

import json
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


TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "add",
            "description": "Add two numbers.",
            "parameters": {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "required": ["a", "b"]},
        },
    }
]


def test_tools():
    ask = [{"role": "user", "content": "What is 2 plus 3?"}]
    args = dict(model="openai/gpt-4", tools=TOOLS, max_tokens=60, temperature=0, **BASE)
    forced = {"type": "function", "function": {"name": "add"}}
    message = litellm.completion(messages=ask, tool_choice=forced, **args).choices[0].message
    (call,) = message.tool_calls
    assert call.function.name == "add" and {"a", "b"} == set(json.loads(call.function.arguments))
    chunks = list(litellm.completion(messages=ask, tool_choice=forced, stream=True, **args))
    (built,) = litellm.stream_chunk_builder(chunks, messages=ask).choices[0].message.tool_calls
    assert built.function.name == "add" and {"a", "b"} == set(json.loads(built.function.arguments))
    back = ask + [message, {"role": "tool", "tool_call_id": call.id, "content": "5"}]
    assert litellm.completion(messages=back, tool_choice="none", **args).choices[0].message.content.strip()
