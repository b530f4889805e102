"""retrieval of November 2023 with the client of that time. The model is a scripted fake, the search and its embedding model are real."""

import json
import os
import time

import openai
import pytest

client = openai.OpenAI(base_url=os.environ["PARLEY_URL"] + "/v1", api_key=os.environ["PARLEY_KEY"], max_retries=0)
beta = client.beta

ANSWER = "It has forty blades" + "".join(f"【{n}:0†engine.txt】" for n in range(10)) + "."


def play(*turns):
    return "play:" + json.dumps(turns)


def test_knowledge_retrieval():
    f = client.files.create(file=("engine.txt", b"The turbine of the engine has forty blades."), purpose="assistants")
    assistant = beta.assistants.create(model="scripted", tools=[{"type": "retrieval"}], file_ids=[f.id])
    assert assistant.file_ids == [f.id]
    search = {"calls": [{"name": "file_search", "arguments": json.dumps({"queries": ["How many blades?"]})}]}
    thread = beta.threads.create(messages=[{"role": "user", "content": play(search, {"text": ANSWER})}])
    run = beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)
    for _ in range(600):
        run = beta.threads.runs.retrieve(run.id, thread_id=thread.id)
        if run.status not in ("queued", "in_progress"):
            break
        time.sleep(0.1)
    assert run.status == "completed", run.last_error
    steps = beta.threads.runs.steps.list(run.id, thread_id=thread.id, order="asc").data
    assert [s.type for s in steps] == ["tool_calls", "message_creation"] and steps[0].step_details.tool_calls[0].type == "retrieval"
    text = beta.threads.messages.list(thread.id).data[0].content[0].text
    (a,) = text.annotations
    assert a.type == "file_citation" and a.file_citation.file_id == f.id and text.value[a.start_index : a.end_index] == a.text
    assert "forty blades" in a.file_citation.quote


def test_twenty_files():
    files = [client.files.create(file=(f"{i}.txt", b"text"), purpose="assistants").id for i in range(21)]
    with pytest.raises(openai.BadRequestError):
        beta.assistants.create(model="scripted", tools=[{"type": "retrieval"}], file_ids=files)
    assistant = beta.assistants.create(model="scripted", tools=[{"type": "retrieval"}], file_ids=files[:20])
    with pytest.raises(openai.BadRequestError):
        beta.assistants.files.create(assistant.id, file_id=files[20])
