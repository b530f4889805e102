"""What today's official client does with tools by itself: pydantic classes as functions, parsed calls, events."""

import typing

import openai
import pydantic
from common import client


class Query(pydantic.BaseModel):
    """Look something up."""

    table: typing.Literal["orders", "customers"]
    columns: list[typing.Literal["id", "name", "price"]] = pydantic.Field(min_length=1, max_length=2)
    limit: int = pydantic.Field(ge=1, le=100)


TOOLS = [openai.pydantic_function_tool(Query)]
ASK = dict(
    model="gpt-4",
    messages=[{"role": "user", "content": "The names of ten customers."}],
    tools=TOOLS,
    tool_choice={"type": "function", "function": {"name": "Query"}},
    max_tokens=80,
)


def test_parse():
    for c in client.chat.completions.parse(temperature=1, n=3, seed=2, **ASK).choices:
        (call,) = c.message.tool_calls
        assert isinstance(call.function.parsed_arguments, Query)


def test_stream_helper():
    with client.chat.completions.stream(temperature=0, **ASK) as stream:
        events = list(stream)
        message = stream.get_final_completion().choices[0].message
    written = "".join(e.arguments_delta for e in events if e.type == "tool_calls.function.arguments.delta")
    (done,) = [e for e in events if e.type == "tool_calls.function.arguments.done"]
    (call,) = message.tool_calls
    assert written == done.arguments == call.function.arguments
    assert isinstance(call.function.parsed_arguments, Query) and done.name == "Query"


def test_answer_or_call_with_a_format():
    """response_format and tools together: what is no call is in the format."""

    class Answer(pydantic.BaseModel):
        text: str = pydantic.Field(max_length=20)

    for choice in "none", "auto":
        change = dict(tool_choice=choice, parallel_tool_calls=False)
        c = client.chat.completions.parse(temperature=0, response_format=Answer, **dict(ASK, **change)).choices[0]
        if c.message.tool_calls:
            assert all(isinstance(call.function.parsed_arguments, Query) for call in c.message.tool_calls)
        else:
            assert isinstance(c.message.parsed, Answer)
