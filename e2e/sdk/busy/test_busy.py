"""The official client of January 2024 and of today on a server on which one request may wait for a model:
those that are refused come again by themselves."""

import asyncio
import os

import openai

ASK = dict(model="gpt-3.5-turbo-instruct", prompt="Once upon a time", max_tokens=16)
MANY = 6


def ask_all(max_retries):
    async def go():
        async with openai.AsyncOpenAI(
            base_url=os.environ["PARLEY_URL"] + "/v1", api_key=os.environ["PARLEY_KEY"], max_retries=max_retries
        ) as client:
            return await asyncio.gather(*(client.completions.create(**ASK) for _ in range(MANY)), return_exceptions=True)

    return asyncio.run(go())


def test_refused_requests_are_repeated():
    at_once = ask_all(max_retries=0)
    refused = [r for r in at_once if isinstance(r, openai.RateLimitError)]
    assert refused and len(refused) < MANY
    for r in refused:
        assert r.status_code == 429 and r.response.headers["retry-after"] == "1"
    assert all(r.choices for r in at_once if r not in refused)
    assert all(r.choices for r in ask_all(max_retries=30))
