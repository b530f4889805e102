"""response_format with today's official client, on the real small model: schemas."""

import datetime
import enum
import json
import typing

import jsonschema
import openai
import pydantic
import pytest
from common import begins_json, client

ASK = [{"role": "user", "content": "Describe a cat as a JSON object with name and age."}]


class Color(str, enum.Enum):
    red = "red"
    blue = "blue"


class Part(pydantic.BaseModel):
    count: int = pydantic.Field(ge=1, le=99)
    color: typing.Optional[Color]


class Order(pydantic.BaseModel):
    """An order."""

    id: str = pydantic.Field(pattern=r"^[A-Z]{2}-\d{4}$")
    day: datetime.date
    price: float = pydantic.Field(ge=0, le=1000)
    parts: list[Part] = pydantic.Field(min_length=1, max_length=3)
    size: typing.Literal["small", "large"]
    gift: bool


PLACE = [{"role": "user", "content": "I want two red cups, delivered on the first of May 2024."}]


@pytest.mark.parametrize("temperature", [0, 1])
def test_parse(temperature):
    r = client.chat.completions.parse(model="gpt-4", messages=PLACE, temperature=temperature, seed=3, n=2, max_tokens=300, response_format=Order)
    for c in r.choices:
        assert c.finish_reason == "stop", c.message.content
        assert isinstance(c.message.parsed, Order)
        assert 1 <= len(c.message.parsed.parts) <= 3


def test_stream_and_logprobs():
    with client.chat.completions.stream(
        model="gpt-4", messages=PLACE, temperature=1, seed=4, max_tokens=300, logprobs=True, top_logprobs=2, response_format=Order
    ) as stream:
        for _ in stream:
            pass
        c = stream.get_final_completion().choices[0]
    assert isinstance(c.message.parsed, Order)
    assert "".join(t.token for t in c.logprobs.content) == c.message.content
    assert all(t.logprob <= 0 and len(t.top_logprobs) == 2 for t in c.logprobs.content)


SCHEMA = {
    "type": "object",
    "properties": {
        "kind": {"enum": ["a", "b"]},
        "when": {"type": "string", "format": "date-time"},
        "tree": {"$ref": "#/$defs/tree"},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 8}, "maxItems": 2, "uniqueItems": True},
    },
    "required": ["kind", "when", "tree"],
    "$defs": {"tree": {"type": "object", "properties": {"n": {"type": "integer"}, "leaf": {"$ref": "#/$defs/leaf"}}, "required": ["n"]}, "leaf": {"type": ["integer", "null"], "minimum": 3}},
}


def test_schema_that_is_not_strict():
    stopped = 0
    for seed in range(6):
        c = client.chat.completions.create(
            model="gpt-4",
            messages=[{"role": "user", "content": "Fill it in."}],
            seed=seed,
            temperature=0.3,
            max_tokens=200,
            response_format={"type": "json_schema", "json_schema": {"name": "thing", "schema": SCHEMA}},
        ).choices[0]
        if c.finish_reason == "stop":
            stopped += 1
            relaxed = json.loads(json.dumps(SCHEMA))
            del relaxed["properties"]["tags"]["uniqueItems"]  # what cannot be followed is left out
            jsonschema.validate(json.loads(c.message.content), relaxed)
        else:
            assert begins_json(c.message.content)
    assert stopped > 0, c.message.content


def test_strict_schemas_are_checked():
    with pytest.raises(openai.BadRequestError) as e:
        client.chat.completions.create(
            model="gpt-4",
            messages=ASK,
            response_format={"type": "json_schema", "json_schema": {"name": "thing", "strict": True, "schema": SCHEMA}},
        )
    assert e.value.param == "response_format"
    assert "Invalid schema for response_format 'thing': In context=(), 'additionalProperties' is required to be supplied and to be false." in str(e.value)
