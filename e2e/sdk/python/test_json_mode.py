"""JSON mode with the official client of January 2024 and of today, on the real small model."""

import json

import openai
import pytest
from common import begins_json, client

ASK = [{"role": "user", "content": "Describe a cat as a JSON object with name and age."}]


@pytest.mark.parametrize("temperature", [0, 1, 2])
def test_json_mode(temperature):
    r = client.chat.completions.create(
        model="gpt-3.5-turbo", messages=ASK, temperature=temperature, seed=1, n=3, max_tokens=60, response_format={"type": "json_object"}
    )
    for c in r.choices:
        assert c.message.content.startswith("{")
        if c.finish_reason == "stop":
            assert isinstance(json.loads(c.message.content), dict)
        else:
            assert c.finish_reason == "length" and begins_json(c.message.content), c.message.content


def test_json_mode_cut_anywhere():
    for n in range(1, 16):
        c = client.chat.completions.create(
            model="gpt-3.5-turbo", messages=ASK, temperature=1, seed=n, max_tokens=n, response_format={"type": "json_object"}
        ).choices[0]
        assert begins_json(c.message.content), c.message.content
        assert c.finish_reason == "length" or isinstance(json.loads(c.message.content), dict)


def test_json_mode_wants_the_word():
    with pytest.raises(openai.BadRequestError) as e:
        client.chat.completions.create(
            model="gpt-3.5-turbo", messages=[{"role": "user", "content": "Hi"}], response_format={"type": "json_object"}
        )
    assert e.value.param == "messages" and "must contain the word 'json' in some form" in str(e.value)
