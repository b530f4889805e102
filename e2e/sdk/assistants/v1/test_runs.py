"""The guide of November 2023 with the client of that time: assistants=v1. The model is a scripted fake, see internal/testkit/scripted."""

import json
import os
import time

import openai
import pytest

client = openai.OpenAI(base_url=os.environ["PARLEY_URL"] + "/v1", api_key=os.environ["PARLEY_KEY"], max_retries=0)
beta = client.beta

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a place",
        "parameters": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
    },
}


def play(*turns):
    return "play:" + json.dumps(turns)


def call(**kwargs):
    return {"name": "get_weather", "arguments": json.dumps(kwargs)}


def wait(run, *statuses):
    deadline = time.time() + 60
    while run.status in ("queued", "in_progress", "cancelling"):
        assert time.time() < deadline, run
        time.sleep(0.02)
        run = beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)
    assert run.status in statuses, run
    return run


@pytest.fixture(scope="module")
def assistant():
    return beta.assistants.create(name="Tutor", instructions="You are a tutor.", model="scripted", tools=[WEATHER])


def test_guide(assistant):
    thread = beta.threads.create()
    beta.threads.messages.create(thread.id, role="user", content=play({"text": "x is 2."}))
    run = beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id, instructions="Address the user as Jane.")
    assert run.object == "thread.run" and run.status == "queued" and run.instructions == "Address the user as Jane."
    assert run.expires_at - run.created_at == 600
    run = wait(run, "completed")
    assert run.started_at and run.completed_at and run.usage.total_tokens > 0 if hasattr(run, "usage") and run.usage else run.completed_at
    messages = beta.threads.messages.list(thread_id=thread.id)
    assert [m.role for m in messages.data] == ["assistant", "user"]
    answer = messages.data[0]
    assert answer.content[0].text.value == "x is 2." and answer.run_id == run.id and answer.assistant_id == assistant.id
    steps = beta.threads.runs.steps.list(thread_id=thread.id, run_id=run.id)
    assert [s.type for s in steps.data] == ["message_creation"]
    assert steps.data[0].step_details.message_creation.message_id == answer.id and steps.data[0].status == "completed"


def test_functions(assistant):
    script = play({"calls": [call(place="Seoul"), call(place="Paris")]}, {"text": "Seoul is warm, Paris is cold."})
    run = beta.threads.create_and_run(assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": script}]})
    run = wait(run, "requires_action")
    calls = run.required_action.submit_tool_outputs.tool_calls
    assert [json.loads(c.function.arguments)["place"] for c in calls] == ["Seoul", "Paris"]
    with pytest.raises(openai.BadRequestError):
        beta.threads.runs.submit_tool_outputs(thread_id=run.thread_id, run_id=run.id, tool_outputs=[{"tool_call_id": calls[0].id, "output": "warm"}])
    with pytest.raises(openai.BadRequestError) as error:
        beta.threads.messages.create(run.thread_id, role="user", content="Too early")
    assert "while a run" in str(error.value)
    with pytest.raises(openai.BadRequestError) as error:
        beta.threads.runs.create(thread_id=run.thread_id, assistant_id=assistant.id)
    assert "already has an active run" in str(error.value)
    run = beta.threads.runs.submit_tool_outputs(
        thread_id=run.thread_id, run_id=run.id, tool_outputs=[{"tool_call_id": c.id, "output": o} for c, o in zip(calls, ["warm", "cold"])]
    )
    run = wait(run, "completed")
    steps = beta.threads.runs.steps.list(thread_id=run.thread_id, run_id=run.id, order="asc").data
    assert [s.type for s in steps] == ["tool_calls", "message_creation"]
    assert [c.function.output for c in steps[0].step_details.tool_calls] == ["warm", "cold"]
    assert beta.threads.messages.list(run.thread_id).data[0].content[0].text.value == "Seoul is warm, Paris is cold."


def test_cancel(assistant):
    thread = beta.threads.create(messages=[{"role": "user", "content": play({"text": "never", "delay_ms": 60000})}])
    run = beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)
    run = beta.threads.runs.cancel(run.id, thread_id=thread.id)
    assert run.status == "cancelling"
    run = wait(run, "cancelled")
    assert run.cancelled_at
    with pytest.raises(openai.BadRequestError) as error:
        beta.threads.runs.cancel(run.id, thread_id=thread.id)
    assert "Cannot cancel run with status 'cancelled'" in str(error.value)


def test_failed(assistant):
    thread = beta.threads.create(messages=[{"role": "user", "content": play({"status": 500})}])
    run = wait(beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id), "failed")
    assert run.last_error.code == "server_error" and run.failed_at
