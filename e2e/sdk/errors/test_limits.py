"""A limit that is set while the server runs: the client raises, waits as it is told, and passes."""

import json
import os
import urllib.request

import openai
import pytest

URL, KEY = os.environ["PARLEY_URL"], os.environ["PARLEY_KEY"]


def limit(method, path, body=None):
    request = urllib.request.Request(
        URL + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": "Bearer " + KEY, "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


@pytest.fixture
def one_a_minute():
    """One request a minute for the whole organization."""
    made = limit("PUT", "/api/limits", {"model": "text-davinci-002", "max_requests_per_1_minute": 1})
    yield made
    limit("DELETE", "/api/limits/" + made["id"])


def client(**options):
    return openai.OpenAI(api_key=KEY, base_url=URL + "/v1", **options)


def ask(c):
    return c.completions.with_raw_response.create(model="text-davinci-002", prompt="Hi", max_tokens=1)


def test_limit_set_while_running(one_a_minute):
    c = client(max_retries=0)
    answer = ask(c)
    assert answer.headers["x-ratelimit-limit-requests"] == "1"
    assert answer.headers["x-ratelimit-remaining-requests"] == "0"
    with pytest.raises(openai.RateLimitError) as caught:
        ask(c)
    e = caught.value
    assert e.code == "rate_limit_exceeded" and e.type == "requests"
    assert "on requests per min. Limit: 1.000000 / min. Current: 2.000000 / min. Please try again in" in str(e)
    assert 0 < int(e.response.headers["retry-after-ms"]) <= 60_000


def test_client_waits_for_the_refill():
    """Sixty a minute, used up at once: the client's own repetition waits as it is told and passes."""
    made = limit("PUT", "/api/limits", {"model": "text-davinci-002", "max_requests_per_1_minute": 60})
    try:
        quick, patient = client(max_retries=0), client(max_retries=2)
        with pytest.raises(openai.RateLimitError):
            for _ in range(200):
                ask(quick)
        assert ask(patient).headers["x-ratelimit-limit-requests"] == "60"
    finally:
        limit("DELETE", "/api/limits/" + made["id"])
    assert "x-ratelimit-limit-requests" not in ask(quick).headers
