"""The error classes of openai 0.27 and 0.28, as their documentation promises them.

Seeds from 90 on make the fake engine of these tests fail (e2e/sdk/errors_test.go).
"""

import os

import openai
import pytest
from openai import error

openai.api_base = os.environ["PARLEY_URL"] + "/v1"
openai.api_key = os.environ["PARLEY_KEY"]

HELLO = [{"role": "user", "content": "Say hello."}]


def chat(**change):
    return openai.ChatCompletion.create(**{"model": "gpt-4", "messages": HELLO, **change})


def fails(cls, status, call, code=None, param=None, text=""):
    """Calls, and checks class, status and what the body says."""
    with pytest.raises(cls) as caught:
        call()
    e = caught.value
    assert type(e) is cls, f"{type(e)}: {e}"
    assert e.http_status == status
    assert text in str(e)
    if cls is not error.ServiceUnavailableError:  # which throws the body away
        body = e.json_body["error"]
        assert set(body) == {"message", "type", "param", "code"}
        assert (body["code"], body["param"]) == (code, param)
    assert e.headers["x-request-id"].startswith("req_")
    assert e.headers["openai-version"] == "2020-10-01"
    assert int(e.headers["openai-processing-ms"]) >= 0
    return e


def test_invalid_request():
    e = fails(
        error.InvalidRequestError,
        400,
        lambda: chat(temperature=3),
        "decimal_above_max_value",
        "temperature",
        "3 is greater than the maximum of 2 - 'temperature'",
    )
    assert (e.code, e.param) == ("decimal_above_max_value", "temperature")
    assert e.error["type"] == "invalid_request_error"


def test_no_model():
    fails(error.InvalidRequestError, 400, lambda: chat(model=""), text="you must provide a model parameter")


@pytest.mark.parametrize(
    "change, code, param, text",
    [
        ({"messages": []}, "empty_array", "messages", "[] is too short - 'messages'"),
        ({"temperature": "hot"}, "invalid_type", "temperature", "'hot' is not of type 'number' - 'temperature'"),
        ({"max_tokens": True}, "invalid_type", "max_tokens", "True is not of type 'integer' - 'max_tokens'"),
        ({"foo": 1}, "unknown_parameter", "foo", "Unrecognized request argument supplied: foo"),
        (
            {"messages": [{"role": "wizard", "content": "x"}]},
            "invalid_value",
            "messages[0].role",
            "'wizard' is not one of ['system', 'assistant', 'user', 'function'",
        ),
        (
            {"messages": [{"role": "user", "content": "x", "id": 1}]},
            "unknown_parameter",
            "messages[0].id",
            "Additional properties are not allowed ('id' was unexpected) - 'messages.0'",
        ),
        (
            {"messages": [{"role": "user", "content": "word " * 2000}]},
            "context_length_exceeded",
            "messages",
            "This model's maximum context length is 8192 tokens. However, your messages resulted in",
        ),
    ],
)
def test_invalid_requests(change, code, param, text):
    fails(error.InvalidRequestError, 400, lambda: chat(**change), code, param, text)


def test_context_length_of_completions():
    fails(
        error.InvalidRequestError,
        400,
        lambda: openai.Completion.create(model="text-davinci-003", prompt="x " * 3000, max_tokens=4000),
        "context_length_exceeded",
        "prompt",
        "Please reduce your prompt; or completion length.",
    )


def test_model_not_found():
    e = fails(error.InvalidRequestError, 404, lambda: chat(model="no-such"), "model_not_found", "model", "does not exist")
    assert e.code == "model_not_found"
    fails(
        error.InvalidRequestError,
        404,
        lambda: openai.Model.retrieve("no-such"),
        "model_not_found",
        "model",
        "does not exist",
    )


def test_authentication():
    fails(
        error.AuthenticationError,
        401,
        lambda: chat(api_key="sk-wrong"),
        "invalid_api_key",
        None,
        "Incorrect API key provided: sk-",
    )
    fails(
        error.AuthenticationError,
        401,
        lambda: chat(organization="org-ikDc4ex8NB"),
        "invalid_organization",
        None,
        "No such organization: org-ikDc4ex8NB",
    )


def test_permission():
    fails(
        error.PermissionError,
        403,
        lambda: chat(api_key=os.environ["PARLEY_READER_KEY"]),
        "missing_scope",
        None,
        "You have insufficient permissions for this operation.",
    )


def test_rate_limits():
    def limited(**change):
        return chat(
            api_base=os.environ["PARLEY_LIMITED_URL"] + "/v1", api_key=os.environ["PARLEY_LIMITED_KEY"], **change
        )

    ok = limited(max_tokens=100)
    assert ok["choices"]
    assert ok.response_ms > 0
    assert ok.organization
    e = fails(
        error.RateLimitError,
        429,
        lambda: limited(max_tokens=600),
        "rate_limit_exceeded",
        None,
        "Request too large for gpt-4 in organization org-",
    )
    assert e.error["type"] == "tokens"
    e = fails(
        error.RateLimitError,
        429,
        lambda: limited(max_tokens=100),
        "rate_limit_exceeded",
        None,
        "Rate limit reached for default-gpt-4 in organization org-",
    )
    assert e.error["type"] == "requests"
    assert "on requests per min. Limit: 2.000000 / min. Current: 3.000000 / min." in str(e)
    for name in ("limit", "remaining", "reset"):
        for kind in ("requests", "tokens"):
            assert e.headers[f"x-ratelimit-{name}-{kind}"]
    assert int(e.headers["retry-after"]) > 0


def test_overloaded_and_quota():
    fails(error.RateLimitError, 429, lambda: chat(seed=91), text="The engine is currently overloaded, please try again later")
    e = fails(
        error.RateLimitError,
        429,
        lambda: chat(seed=92),
        "insufficient_quota",
        text="You exceeded your current quota, please check your plan and billing details",
    )
    assert e.error["type"] == "insufficient_quota"


def test_unavailable():
    fails(error.ServiceUnavailableError, 503, lambda: chat(seed=90), text="The server is overloaded or not ready yet.")


def test_server_error():
    e = fails(error.APIError, 500, lambda: chat(seed=94), text="The server had an error while processing your request")
    assert "secret" not in str(e)
    assert e.error["type"] == "server_error"
    fails(error.APIError, 504, lambda: chat(seed=93), text="took longer")


def test_try_again():
    """The library asks again by itself for as long as `timeout` says."""
    fails(error.TryAgain, 409, lambda: chat(seed=97, timeout=0), text="Try again")


def test_error_while_streaming():
    text = ""
    with pytest.raises(error.APIError, match="Error occurred while streaming") as e:
        for chunk in chat(seed=95, stream=True):
            text += chunk["choices"][0]["delta"].get("content", "")
    assert text == "Ech"
    assert type(e.value) is error.APIError
    assert "The server had an error while processing your request" in str(e.value)


def test_error_before_the_stream_has_its_status():
    fails(error.AuthenticationError, 401, lambda: chat(stream=True, api_key="sk-wrong"), "invalid_api_key")
    fails(
        error.InvalidRequestError,
        400,
        lambda: chat(n=0, stream=True),
        "integer_below_min_value",
        "n",
        "0 is less than the minimum of 1 - 'n'",
    )


def test_timeout():
    with pytest.raises(error.Timeout):
        chat(seed=96, request_timeout=0.5)


def test_connection():
    with pytest.raises(error.APIConnectionError):
        chat(api_base="http://127.0.0.1:1/v1")


def test_wrong_url():
    fails(
        error.InvalidRequestError,
        404,
        lambda: chat(api_base=os.environ["PARLEY_URL"] + "/v1/chat/completions"),
        text="Invalid URL (POST /v1/chat/completions/chat/completions)",
    )
