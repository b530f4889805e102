"""The Responses API and conversations as the newest client uses them. The model is a scripted one: see internal/testkit/scripted."""

import json
import os
import time
import uuid

import openai
import pydantic
import pytest

client = openai.OpenAI(api_key=os.environ["PARLEY_KEY"], base_url=os.environ["PARLEY_URL"] + "/v1", max_retries=0)
MODEL = "scripted"

WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Says what the weather is like.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False},
}


def play(*turns):
    return "play:" + json.dumps(turns)


def say(text):
    return play({"text": text})


def test_text():
    r = client.responses.create(model=MODEL, input=say("Bread and butter."), instructions="Be short.", metadata={"a": "b"})
    assert r.id.startswith("resp_") and r.object == "response" and r.status == "completed" and r.model == MODEL
    assert r.output_text == "Bread and butter."
    [message] = r.output
    assert message.type == "message" and message.role == "assistant" and message.status == "completed" and message.id.startswith("msg_")
    assert message.content[0].annotations == []
    assert r.usage.output_tokens > 0 and r.usage.total_tokens == r.usage.input_tokens + r.usage.output_tokens
    assert r.instructions == "Be short." and r.metadata == {"a": "b"} and r.store and r.error is None and r.completed_at
    again = client.responses.retrieve(r.id)
    assert again.output_text == r.output_text and again.usage == r.usage and again.status == "completed"
    [said] = client.responses.input_items.list(r.id)
    assert said.type == "message" and said.role == "user" and said.content[0].type == "input_text"
    client.responses.delete(r.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(r.id)


def test_stream():
    with client.responses.stream(model=MODEL, input=say("One two three.")) as stream:
        events = list(stream)
        final = stream.get_final_response()
    kinds = [e.type for e in events]
    assert kinds[:4] == ["response.created", "response.in_progress", "response.output_item.added", "response.content_part.added"]
    assert kinds[-4:] == ["response.output_text.done", "response.content_part.done", "response.output_item.done", "response.completed"]
    assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == "One two three."
    assert [e.sequence_number for e in events] == list(range(len(events)))
    assert final.output_text == "One two three."
    assert client.responses.retrieve(final.id).output_text == "One two three."


def test_previous_response():
    first = client.responses.create(model=MODEL, input=say("First."))
    second = client.responses.create(model=MODEL, input=say("Second."), previous_response_id=first.id)
    third = client.responses.create(model=MODEL, input="what did you say?", previous_response_id=second.id, instructions="Repeat.")
    assert third.previous_response_id == second.id and third.status == "completed"
    with pytest.raises(openai.BadRequestError) as e:
        client.responses.create(model=MODEL, input="x", previous_response_id="resp_none")
    assert e.value.param == "previous_response_id" and e.value.code == "previous_response_not_found"


def test_function():
    asked = play({"calls": [{"name": "get_weather", "arguments": '{"city": "Paris"}'}, {"name": "get_weather", "arguments": '{"city": "Rome"}'}]}, {"text": "Sun in both."})
    r = client.responses.create(model=MODEL, input=asked, tools=[WEATHER])
    calls = [t for t in r.output if t.type == "function_call"]
    assert [json.loads(c.arguments)["city"] for c in calls] == ["Paris", "Rome"] and all(c.status == "completed" and c.id.startswith("fc_") for c in calls)
    assert r.tools[0].strict is True
    with pytest.raises(openai.BadRequestError) as e:
        client.responses.create(model=MODEL, input="and?", previous_response_id=r.id)
    assert "No tool output found for function call " + calls[0].call_id in str(e.value)
    answers = [{"type": "function_call_output", "call_id": c.call_id, "output": "sun"} for c in calls]
    end = client.responses.create(model=MODEL, input=answers, previous_response_id=r.id, tools=[WEATHER])
    assert end.output_text == "Sun in both."
    # The same without the server's memory.
    context = [{"role": "user", "content": asked}] + r.output + answers
    end = client.responses.create(model=MODEL, input=context, tools=[WEATHER], store=False)
    assert end.output_text == "Sun in both." and end.store is False
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(end.id)
    with pytest.raises(openai.BadRequestError) as e:
        client.responses.create(model=MODEL, input=[{"type": "function_call_output", "call_id": "call_x", "output": "?"}])
    assert "No tool call found for function call output with call_id call_x." in str(e.value)


def test_function_stream():
    asked = play({"text": "Let me see.", "calls": [{"name": "get_weather", "arguments": '{"city": "Paris"}'}]})
    events = list(client.responses.create(model=MODEL, input=asked, tools=[WEATHER], stream=True))
    pieces = [e.delta for e in events if e.type == "response.function_call_arguments.delta"]
    [done] = [e for e in events if e.type == "response.function_call_arguments.done"]
    assert "".join(pieces) == done.arguments == '{"city": "Paris"}' and done.name == "get_weather"
    added = [e for e in events if e.type == "response.output_item.added"]
    assert [(e.output_index, e.item.type) for e in added] == [(0, "message"), (1, "function_call")]
    assert events[-1].type == "response.completed" and events[-1].response.output[1].arguments == done.arguments


def test_parsed():
    class Fruit(pydantic.BaseModel):
        name: str
        count: int

    r = client.responses.parse(model=MODEL, input=say('{"name": "apple", "count": 3}'), text_format=Fruit)
    assert r.output_parsed == Fruit(name="apple", count=3) and r.text.format.type == "json_schema"


def test_incomplete():
    r = client.responses.create(model=MODEL, input=play({"text": "cut off", "finish": "length"}), max_output_tokens=16)
    assert r.status == "incomplete" and r.incomplete_details.reason == "max_output_tokens" and r.output_text == "cut off"


def test_failure_in_a_stream():
    events = list(client.responses.create(model=MODEL, input=play({"text": "so far", "error": "broke"}), stream=True))
    assert events[-1].type == "response.failed" and events[-1].response.error.code and events[-1].response.status == "failed"
    assert client.responses.retrieve(events[-1].response.id).status == "failed"


def test_background():
    r = client.responses.create(model=MODEL, input=play({"text": "Slowly but surely.", "delay_ms": 150}), background=True)
    assert r.status == "queued" and r.background
    with pytest.raises(openai.BadRequestError):
        client.responses.create(model=MODEL, input="x", previous_response_id=r.id)
    for _ in range(200):
        got = client.responses.retrieve(r.id)
        if got.status not in ("queued", "in_progress"):
            break
        time.sleep(0.05)
    assert got.status == "completed" and got.output_text == "Slowly but surely."
    long = client.responses.create(model=MODEL, input=play({"text": "never", "delay_ms": 20000}), background=True)
    assert client.responses.cancel(long.id).status == "cancelled"
    assert client.responses.cancel(long.id).status == "cancelled"
    assert client.responses.retrieve(long.id).status == "cancelled"
    with pytest.raises(openai.BadRequestError):
        client.responses.cancel(client.responses.create(model=MODEL, input=say("x")).id)


def test_background_stream_goes_on():
    stream = client.responses.create(model=MODEL, input=play({"text": "a b c d e f g h", "piece_ms": 60}), background=True, stream=True)
    seen = []
    for event in stream:
        seen.append(event)
        if len([e for e in seen if e.type == "response.output_text.delta"]) == 2:
            break
    stream.close()
    id = seen[0].response.id
    rest = list(client.responses.retrieve(id, stream=True, starting_after=seen[-1].sequence_number))
    assert [e.sequence_number for e in seen + rest] == list(range(len(seen) + len(rest)))
    assert "".join(e.delta for e in seen + rest if e.type == "response.output_text.delta") == "a b c d e f g h"
    assert rest[-1].type == "response.completed"


def test_conversation():
    c = client.conversations.create(metadata={"topic": "demo"}, items=[{"type": "message", "role": "user", "content": "Hello!"}])
    assert c.id.startswith("conv_") and c.metadata == {"topic": "demo"}
    r = client.responses.create(model=MODEL, conversation=c.id, input=say("Well."))
    assert r.conversation.id == c.id and r.output_text == "Well."
    items = list(client.conversations.items.list(c.id, order="asc"))
    assert [(t.type, t.role) for t in items] == [("message", "user"), ("message", "user"), ("message", "assistant")]
    assert items[2].id == r.output[0].id and items[2].content[0].text == "Well."
    added = client.conversations.items.create(c.id, items=[{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "More."}]}])
    assert client.conversations.items.retrieve(added.data[0].id, conversation_id=c.id).content[0].text == "More."
    page = client.conversations.items.list(c.id, limit=2, order="asc")
    assert page.has_more and len(list(page)) == 4
    client.conversations.items.delete(added.data[0].id, conversation_id=c.id)
    assert len(list(client.conversations.items.list(c.id))) == 3
    assert client.conversations.update(c.id, metadata={"topic": "x"}).metadata == {"topic": "x"}
    assert client.conversations.retrieve(c.id).metadata == {"topic": "x"}
    refer = client.responses.create(model=MODEL, input=[{"type": "item_reference", "id": items[1].id}])
    assert refer.output_text == "Well."
    assert client.conversations.delete(c.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.conversations.retrieve(c.id)


def test_file_in_the_input():
    f = client.files.create(file=("note.txt", b"The password is swordfish."), purpose="user_data")
    r = client.responses.create(model=MODEL, input=[{"role": "user", "content": [{"type": "input_file", "file_id": f.id}, {"type": "input_text", "text": "Hm."}]}])
    assert r.status == "completed"
    inline = {"type": "input_file", "filename": "n.md", "file_data": "data:text/markdown;base64,IyBIaQ=="}
    assert client.responses.create(model=MODEL, input=[{"role": "user", "content": [inline]}]).status == "completed"
    with pytest.raises(openai.BadRequestError) as e:
        client.responses.create(model=MODEL, input=[{"role": "user", "content": [{"type": "input_file", "file_id": "file-none"}]}])
    assert e.value.param == "input[0].content[0].file_id"


@pytest.mark.parametrize("body,param", [
    ({"input": "x"}, None),
    ({"model": MODEL}, "input"),
    ({"model": MODEL, "input": 5}, "input"),
    ({"model": MODEL, "input": "x", "max_output_tokens": 3}, "max_output_tokens"),
    ({"model": MODEL, "input": "x", "temperature": 3}, "temperature"),
    ({"model": MODEL, "input": "x", "unknown": 3}, "unknown"),
    ({"model": MODEL, "input": [{"role": "nobody", "content": "x"}]}, "input[0].role"),
    ({"model": MODEL, "input": [{"type": "dance"}]}, "input[0].type"),
    ({"model": MODEL, "input": "x", "tools": [{"type": "web_search"}]}, "tools[0].type"),
    ({"model": MODEL, "input": "x", "tools": [{"type": "function"}]}, "tools[0].name"),
    ({"model": MODEL, "input": "x", "tool_choice": "required"}, "tool_choice"),
    ({"model": MODEL, "input": "x", "include": ["secrets"]}, "include[0]"),
    ({"model": MODEL, "input": "x", "background": True, "store": False}, "background"),
    ({"model": MODEL, "input": "x", "conversation": "conv_x", "previous_response_id": "resp_x"}, None),
    ({"model": MODEL, "input": "x", "metadata": {str(i): "x" for i in range(17)}}, "metadata"),
    ({"model": MODEL, "input": "x", "text": {"format": {"type": "json_object"}}}, "input"),
])
def test_refused(body, param):
    with pytest.raises(openai.BadRequestError) as e:
        client.post("/responses", body=body, cast_to=object)
    assert e.value.param == param


def test_unknown_model():
    with pytest.raises(openai.NotFoundError) as e:
        client.responses.create(model="no-" + uuid.uuid4().hex, input="x")
    assert e.value.code == "model_not_found"


def test_file_search():
    f = client.files.create(file=("note.txt", b"The password of the lighthouse is swordfish. The lamp is lit at seven."), purpose="assistants")
    store = client.vector_stores.create(name="notes")
    client.vector_stores.files.create_and_poll(f.id, vector_store_id=store.id)
    tool = {"type": "file_search", "vector_store_ids": [store.id], "max_num_results": 3}
    asked = play({"calls": [{"name": "file_search", "arguments": '{"queries": ["password of the lighthouse"]}'}]}, {"text": "It is swordfish【0:0†note.txt】."})
    r = client.responses.create(model=MODEL, input=asked, tools=[tool], include=["file_search_call.results"])
    search, message = r.output
    assert search.type == "file_search_call" and search.status == "completed" and search.queries == ["password of the lighthouse"]
    assert "swordfish" in search.results[0].text and search.results[0].file_id == f.id and search.results[0].filename == "note.txt"
    [cited] = message.content[0].annotations
    assert r.output_text == "It is swordfish." and cited.type == "file_citation" and cited.file_id == f.id and cited.index == len("It is swordfish")
    assert client.responses.retrieve(r.id).output[0].results is None
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model=MODEL, input="x", tools=[{"type": "file_search", "vector_store_ids": ["vs_none"]}])


def test_code_interpreter():
    code = "import os\nn = 6 * 7\nopen('/mnt/data/out.txt', 'w').write(str(n))\nprint(n)"
    asked = play({"calls": [{"name": "python", "arguments": json.dumps({"code": code})}]}, {"text": "It is 42: [file](sandbox:/mnt/data/out.txt)"})
    tool = {"type": "code_interpreter", "container": {"type": "auto"}}
    try:
        events = list(client.responses.create(model=MODEL, input=asked, tools=[tool], include=["code_interpreter_call.outputs"], stream=True))
    except openai.APIStatusError as e:
        if e.status_code == 503:
            pytest.skip("Code Interpreter is off here: " + e.message)
        raise
    kinds = [e.type.removeprefix("response.") for e in events]
    assert [k for k in kinds if k.startswith("code_interpreter_call.")] == ["code_interpreter_call." + k for k in ("in_progress", "interpreting", "completed")]
    assert "".join(e.delta for e in events if e.type == "response.code_interpreter_call_code.delta") == code
    r = events[-1].response
    ran, message = r.output
    assert ran.code == code and ran.status == "completed" and "42" in ran.outputs[0].logs and ran.container_id.startswith("cntr_")
    [made] = message.content[0].annotations
    assert made.type == "container_file_citation" and made.container_id == ran.container_id and made.filename == "out.txt"
    assert message.content[0].text[made.start_index : made.end_index] == "sandbox:/mnt/data/out.txt"
    assert client.files.content(made.file_id).read() == b"42"
    # Its variables stay with the container, which the next response finds by itself.
    asked = play({"calls": [{"name": "python", "arguments": json.dumps({"code": "print(n + 1)"})}]}, {"text": "43"})
    r = client.responses.create(model=MODEL, input=asked, tools=[tool], previous_response_id=r.id, include=["code_interpreter_call.outputs"])
    assert r.output[0].container_id == ran.container_id and "43" in r.output[0].outputs[0].logs
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model=MODEL, input="x", tools=[{"type": "code_interpreter", "container": "cntr_none"}])
