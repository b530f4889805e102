"""Functions and tools with the official client of January 2024 and of today, on the real small model. It is too
small to decide well when to call: calls are forced where one has to come."""

import asyncio
import typing

import openai
import pydantic
import pytest
from common import SETTINGS, begins_json, client, later


class Weather(pydantic.BaseModel):
    """The weather of the next days in a city."""

    model_config = {"extra": "forbid"}
    city: str = pydantic.Field(max_length=20)
    unit: typing.Literal["celsius", "fahrenheit"]
    days: int = pydantic.Field(ge=1, le=7)


class Place(pydantic.BaseModel):
    model_config = {"extra": "forbid"}
    kind: typing.Literal["hotel", "restaurant"]
    stars: typing.List[int] = pydantic.Field(max_length=2)


class Book(pydantic.BaseModel):
    """Book a place."""

    model_config = {"extra": "forbid"}
    place: Place
    breakfast: bool


KINDS = {"get_weather": Weather, "book": Book}
FUNCTIONS = [{"name": name, "description": kind.__doc__, "parameters": kind.model_json_schema()} for name, kind in KINDS.items()]
TOOLS = [{"type": "function", "function": f} for f in FUNCTIONS]
WEATHER = [{"role": "user", "content": "What is the weather in Paris?"}]
ASK = dict(model="gpt-3.5-turbo", messages=WEATHER, max_tokens=120)


def named(name):
    return {"type": "function", "function": {"name": name}}


def check(call):
    """A whole call: its arguments are what the function's schema says."""
    KINDS[call.name].model_validate_json(call.arguments)


def gather(stream):
    """What the chunks of one choice say together."""
    content, calls, function, reason = "", [], None, None
    for n, chunk in enumerate(stream):
        (choice,) = chunk.choices
        delta = choice.delta
        assert (delta.role == "assistant") == (n == 0)
        assert reason is None, "a chunk after the last one"
        reason = choice.finish_reason
        content += delta.content or ""
        if delta.function_call:
            if function is None:
                function = {"name": delta.function_call.name, "arguments": ""}
            else:
                assert delta.function_call.name is None
            function["arguments"] += delta.function_call.arguments or ""
        for piece in delta.tool_calls or []:
            if piece.index == len(calls):
                assert piece.id.startswith("call_") and piece.type == "function" and piece.function.name
                calls.append({"name": piece.function.name, "arguments": ""})
            else:
                assert piece.index == len(calls) - 1 and piece.id is None and piece.function.name is None
            calls[piece.index]["arguments"] += piece.function.arguments
    return content, calls, function, reason


@pytest.mark.parametrize("temperature", [0, 1.5])
@pytest.mark.parametrize("name", KINDS)
def test_forced_call(name, temperature):
    r = client.chat.completions.create(tools=TOOLS, tool_choice=named(name), temperature=temperature, n=2, seed=1, **ASK)
    ids = set()
    for c in r.choices:
        assert c.finish_reason == "stop"
        assert c.message.content is None and c.message.function_call is None
        (call,) = c.message.tool_calls
        assert call.type == "function" and call.function.name == name
        assert call.id.startswith("call_")
        ids.add(call.id)
        check(call.function)
    assert len(ids) == 2
    assert r.usage.completion_tokens > 0


def test_forced_call_streamed():
    content, calls, function, reason = gather(
        client.chat.completions.create(tools=TOOLS, tool_choice=named("book"), temperature=0, stream=True, **ASK)
    )
    assert reason == "stop" and not content and function is None
    assert [c["name"] for c in calls] == ["book"]
    Book.model_validate_json(calls[0]["arguments"])


def test_required():
    one = dict(tools=TOOLS, tool_choice="required", temperature=0, **later(parallel_tool_calls=False))
    c = client.chat.completions.create(**one, **ASK).choices[0]
    assert c.finish_reason == "tool_calls" and c.message.content is None
    (call,) = c.message.tool_calls
    check(call.function)
    content, calls, _, reason = gather(client.chat.completions.create(stream=True, **one, **ASK))
    assert reason == "tool_calls" and not content and len(calls) == 1
    KINDS[calls[0]["name"]].model_validate_json(calls[0]["arguments"])


def test_several_calls():
    c = client.chat.completions.create(tools=TOOLS, tool_choice="required", temperature=0, **ASK).choices[0]
    calls = [call.function for call in c.message.tool_calls]
    assert c.finish_reason in ("tool_calls", "length")
    if c.finish_reason == "length":
        assert begins_json(calls.pop().arguments)
    for call in calls:
        check(call)
    assert len({call.id for call in c.message.tool_calls}) == len(c.message.tool_calls)


def test_none_and_auto():
    for functions in dict(tools=TOOLS, tool_choice="none"), dict(functions=FUNCTIONS, function_call="none"):
        c = client.chat.completions.create(temperature=0, **functions, **dict(ASK, max_tokens=8)).choices[0]
        assert c.message.content.strip() and c.message.tool_calls is None and c.message.function_call is None
        assert c.finish_reason in ("stop", "length")
    c = client.chat.completions.create(tools=TOOLS, temperature=0, **ASK).choices[0]
    assert bool(c.message.tool_calls) == (c.message.content is None) == (c.finish_reason == "tool_calls")
    for call in c.message.tool_calls or []:
        check(call.function)


def test_cut_by_max_tokens():
    for n in 1, 4, 8, 12:
        c = client.chat.completions.create(tools=TOOLS, tool_choice=named("book"), temperature=0, **dict(ASK, max_tokens=n)).choices[0]
        assert c.finish_reason == "length"
        for call in c.message.tool_calls or []:
            assert call.function.name == "book" and begins_json(call.function.arguments)


def test_results_back():
    """A program's whole round: the model's own calls, with its ids, and their results; then an answer."""
    first = client.chat.completions.create(tools=TOOLS, tool_choice=named("get_weather"), temperature=0, **ASK).choices[0].message
    results = [{"role": "tool", "tool_call_id": call.id, "content": '{"sky": "clear", "degrees": 21}'} for call in first.tool_calls]
    # As it came, as a dictionary with its nulls, and without them: all three are common.
    for back, choice in (first, {}), (first.model_dump(), dict(tools=TOOLS, tool_choice="none")), (first.model_dump(exclude_none=True), {}):
        messages = WEATHER + [back, *results]
        c = client.chat.completions.create(temperature=0, **choice, **dict(ASK, messages=messages, max_tokens=24)).choices[0]
        assert c.message.content.strip() and not c.message.tool_calls
    two = [{"id": "call_" + c, "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "%s"}' % c}} for c in ("Paris", "Rome")]
    answers = [{"role": "tool", "tool_call_id": "call_" + c, "content": "rain"} for c in ("Rome", "Paris")]
    messages = WEATHER + [{"role": "assistant", "content": None, "tool_calls": two}, *answers]
    c = client.chat.completions.create(tools=TOOLS, temperature=0, **dict(ASK, messages=messages, max_tokens=8)).choices[0]
    assert c.message.content or c.message.tool_calls
    with pytest.raises(openai.BadRequestError, match="did not have response messages: call_Rome"):
        client.chat.completions.create(tools=TOOLS, **dict(ASK, messages=messages[:-2] + answers[1:]))
    with pytest.raises(openai.BadRequestError, match="must be a response to a preceeding message with 'tool_calls'"):
        client.chat.completions.create(tools=TOOLS, **dict(ASK, messages=WEATHER + answers))


def test_functions():
    args = dict(functions=FUNCTIONS, function_call={"name": "get_weather"}, temperature=0, **ASK)
    c = client.chat.completions.create(**args).choices[0]
    assert c.finish_reason == "stop" and c.message.content is None and c.message.tool_calls is None
    assert c.message.function_call.name == "get_weather"
    check(c.message.function_call)
    content, calls, function, reason = gather(client.chat.completions.create(stream=True, **args))
    assert reason == "stop" and not content and not calls
    assert function["name"] == "get_weather"
    Weather.model_validate_json(function["arguments"])
    messages = WEATHER + [c.message.model_dump(exclude_none=True), {"role": "function", "name": "get_weather", "content": "rain"}]
    c = client.chat.completions.create(functions=FUNCTIONS, function_call="none", temperature=0, **dict(ASK, messages=messages)).choices[0]
    assert c.message.content.strip() and c.message.function_call is None


def test_async():
    async def go():
        async with openai.AsyncOpenAI(**SETTINGS) as a:
            stream = await a.chat.completions.create(tools=TOOLS, tool_choice=named("get_weather"), temperature=0, stream=True, **ASK)
            return [chunk async for chunk in stream]

    _, (call,), _, reason = gather(asyncio.run(go()))
    assert reason == "stop"
    Weather.model_validate_json(call["arguments"])


def test_bad_functions():
    for change, param in [
        (dict(tool_choice=named("unknown"), tools=TOOLS), "tool_choice"),
        (dict(tool_choice="required"), "tool_choice"),
        (dict(function_call={"name": "unknown"}, functions=FUNCTIONS), "function_call"),
        (dict(tools=[]), "tools"),
        (dict(functions=[{"name": "no spaces", "parameters": {}}]), "functions[0].name"),
        (dict(tools=[{"type": "function", "function": {"name": "f", "parameters": {"type": "array"}}}]), "tools[0].function.parameters"),
    ]:
        with pytest.raises(openai.BadRequestError) as e:
            client.chat.completions.create(**change, **ASK)
        assert e.value.param == param, (change, e.value)
