"""The error classes of openai 1.x, as their documentation promises them.

Seeds from 90 on make the fake engine of these tests fail (e2e/sdk/errors_test.go).
"""

import os

import httpx
import openai
import pytest


def client(url="PARLEY_URL", key="PARLEY_KEY", **options):
    return openai.OpenAI(**{"base_url": os.environ[url] + "/v1", "api_key": os.environ[key], "max_retries": 0, **options})


HELLO = [{"role": "user", "content": "Say hello."}]


def chat(using=None, **change):
    return (using or client()).chat.completions.create(**{"model": "gpt-4", "messages": HELLO, **change})


def fails(cls, status, call, code=None, param=None, kind="invalid_request_error", text=""):
    """Calls, and checks class, status and what the body says."""
    with pytest.raises(cls) as caught:
        call()
    e = caught.value
    assert type(e) is cls, f"{type(e)}: {e}"
    assert e.status_code == status
    assert (e.code, e.param, e.type) == (code, param, kind)
    assert text in str(e)
    headers = e.response.headers
    assert headers["x-request-id"].startswith("req_")
    assert getattr(e, "request_id", headers["x-request-id"]) == headers["x-request-id"]
    assert headers["openai-version"] == "2020-10-01"
    assert int(headers["openai-processing-ms"]) >= 0
    return e


@pytest.mark.parametrize(
    "change, code, param, text",
    [
        ({"temperature": 3}, "decimal_above_max_value", "temperature", "3 is greater than the maximum of 2"),
        ({"messages": []}, "empty_array", "messages", "[] is too short - 'messages'"),
        ({"temperature": "hot"}, "invalid_type", "temperature", "is not of type 'number' - 'temperature'"),
        ({"stop": ["a"] * 5}, "array_above_max_length", "stop", "'$.stop' is invalid."),
        ({"messages": [{"role": "user", "content": 7}]}, "invalid_type", "messages[0].content", "is invalid."),
        ({"extra_body": {"foo": 1}}, "unknown_parameter", "foo", "Unrecognized request argument supplied: foo"),
        ({"model": ""}, None, None, "you must provide a model parameter"),
        (
            {"messages": [{"role": "user", "content": "word " * 2000}]},
            "context_length_exceeded",
            "messages",
            "This model's maximum context length is 8192 tokens.",
        ),
    ],
)
def test_bad_request(change, code, param, text):
    fails(openai.BadRequestError, 400, lambda: chat(**change), code, param, text=text)


def test_not_found():
    def call():
        chat(model="no-such")

    fails(openai.NotFoundError, 404, call, "model_not_found", "model", text="does not exist")
    fails(
        openai.NotFoundError,
        404,
        lambda: client().models.retrieve("no-such"),
        "model_not_found",
        "model",
        text="does not exist",
    )
    fails(
        openai.NotFoundError,
        404,
        lambda: chat(client(base_url=os.environ["PARLEY_URL"] + "/v1/chat/completions")),
        text="Invalid URL (POST /v1/chat/completions/chat/completions)",
    )


def test_authentication():
    fails(
        openai.AuthenticationError,
        401,
        lambda: chat(client(api_key="sk-wrong")),
        "invalid_api_key",
        text="Incorrect API key provided: sk-",
    )
    fails(
        openai.AuthenticationError,
        401,
        lambda: chat(client(organization="org-ikDc4ex8NB")),
        "invalid_organization",
        text="No such organization: org-ikDc4ex8NB",
    )


def test_permission():
    fails(
        openai.PermissionDeniedError,
        403,
        lambda: chat(client(key="PARLEY_READER_KEY")),
        "missing_scope",
        text="You have insufficient permissions for this operation.",
    )


def test_rate_limits():
    limited = client("PARLEY_LIMITED_URL", "PARLEY_LIMITED_KEY")
    ok = limited.chat.completions.with_raw_response.create(model="gpt-4", messages=HELLO, max_tokens=100)
    assert ok.headers["x-ratelimit-remaining-requests"] == "1"
    assert ok.headers["openai-model"] and ok.headers["openai-organization"]
    fails(
        openai.RateLimitError,
        429,
        lambda: chat(limited, max_tokens=600),
        "rate_limit_exceeded",
        kind="tokens",
        text="Request too large for gpt-4 in organization org-",
    )
    e = fails(
        openai.RateLimitError,
        429,
        lambda: chat(limited, max_tokens=100),
        "rate_limit_exceeded",
        kind="requests",
        text="Rate limit reached for default-gpt-4 in organization org-",
    )
    for name in ("limit", "remaining", "reset"):
        for kind in ("requests", "tokens"):
            assert e.response.headers[f"x-ratelimit-{name}-{kind}"]
    assert int(e.response.headers["retry-after"]) > 0


def test_overloaded_and_quota():
    fails(openai.RateLimitError, 429, lambda: chat(seed=91), kind="server_error", text="currently overloaded")
    e = fails(
        openai.RateLimitError,
        429,
        lambda: chat(seed=92),
        "insufficient_quota",
        kind="insufficient_quota",
        text="You exceeded your current quota",
    )
    assert e.response.headers["x-should-retry"] == "false"


def test_server_errors():
    for seed, status in ((90, 503), (93, 504), (94, 500)):
        e = fails(openai.InternalServerError, status, lambda: chat(seed=seed), kind="server_error")
        assert "secret" not in str(e)


def test_conflict():
    fails(openai.ConflictError, 409, lambda: chat(seed=97))


def test_error_while_streaming():
    text = ""
    with pytest.raises(openai.APIError) as e:
        for chunk in chat(seed=95, stream=True):
            text += chunk.choices[0].delta.content or ""
    assert text == "Ech"
    assert type(e.value) is openai.APIError
    assert e.value.type == "server_error"


def test_error_before_the_stream_has_its_status():
    fails(openai.AuthenticationError, 401, lambda: chat(client(api_key="sk-wrong"), stream=True), "invalid_api_key")
    fails(openai.BadRequestError, 400, lambda: chat(n=0, stream=True), "integer_below_min_value", "n")


def test_timeout():
    with pytest.raises(openai.APITimeoutError):
        chat(client(timeout=0.5), seed=96)


def test_connection():
    with pytest.raises(openai.APIConnectionError) as e:
        chat(client(base_url="http://127.0.0.1:1/v1"))
    assert type(e.value) is openai.APIConnectionError


def test_retries():
    """A full queue is asked again; a quota that is used up is not: x-should-retry says so."""
    for seed, times in ((91, 2), (92, 1)):
        asked = []
        http = httpx.Client(event_hooks={"request": [asked.append]})
        with pytest.raises(openai.RateLimitError):
            chat(client(max_retries=1, http_client=http), seed=seed)
        assert len(asked) == times
