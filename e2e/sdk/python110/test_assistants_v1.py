"""The objects of the Assistants API of November 2023, as the guides of that time use them (openai 1.10 sends assistants=v1)."""

import os

import openai
import pytest

client = openai.OpenAI(base_url=os.environ["PARLEY_URL"] + "/v1", api_key=os.environ["PARLEY_KEY"], max_retries=0)
beta = client.beta


def upload(name, text="Cats sleep. Dogs bark."):
    return client.files.create(file=(name, text.encode()), purpose="assistants")


def test_assistant_of_the_overview():
    file = upload("knowledge.txt")
    assistant = beta.assistants.create(
        name="Math Tutor", description="Helps", instructions="You are a personal math tutor. Write and run code to answer math questions.",
        tools=[{"type": "code_interpreter"}, {"type": "retrieval"}], model="gpt-4-1106-preview", file_ids=[file.id], metadata={"team": "a"},
    )
    assert assistant.object == "assistant" and assistant.id.startswith("asst_") and assistant.file_ids == [file.id]
    assert [t.type for t in assistant.tools] == ["code_interpreter", "retrieval"] and assistant.metadata == {"team": "a"}
    assert beta.assistants.retrieve(assistant.id) == assistant
    assert assistant.id in [a.id for a in beta.assistants.list(order="desc", limit=5).data]

    changed = beta.assistants.update(
        assistant.id, name="Tutor", instructions=None, model="gpt-3.5-turbo",
        tools=[{"type": "function", "function": {"name": "get_weather", "description": "Weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}],
    )
    assert (changed.name, changed.instructions, changed.description, changed.model) == ("Tutor", None, "Helps", "gpt-3.5-turbo")
    assert changed.tools[0].function.parameters["properties"]["city"] == {"type": "string"} and changed.file_ids == [file.id]
    gone = beta.assistants.delete(assistant.id)
    assert (gone.id, gone.object, gone.deleted) == (assistant.id, "assistant.deleted", True)
    with pytest.raises(openai.NotFoundError) as e:
        beta.assistants.retrieve(assistant.id)
    assert e.value.body["message"] == f"No assistant found with id '{assistant.id}'."


def test_files_of_an_assistant():
    assistant = beta.assistants.create(model="gpt-4", tools=[{"type": "retrieval"}])
    uploads = [upload(f"{i}.txt") for i in range(3)]
    for f in uploads:
        got = beta.assistants.files.create(assistant_id=assistant.id, file_id=f.id)
        assert (got.id, got.object, got.assistant_id) == (f.id, "assistant.file", assistant.id)
    assert [f.id for f in beta.assistants.files.list(assistant.id, order="asc", limit=2)] == [f.id for f in uploads]  # two pages
    assert beta.assistants.files.retrieve(uploads[0].id, assistant_id=assistant.id).id == uploads[0].id
    gone = beta.assistants.files.delete(uploads[0].id, assistant_id=assistant.id)
    assert gone.deleted and gone.object == "assistant.file.deleted"
    client.files.delete(uploads[1].id)
    assert beta.assistants.retrieve(assistant.id).file_ids == [uploads[2].id]
    assert client.files.retrieve(uploads[0].id).id == uploads[0].id  # taking it away is not deleting it


def test_thread_with_messages():
    file = upload("data.csv", "a,b\n1,2\n")
    thread = beta.threads.create(messages=[{"role": "user", "content": "Look at this", "file_ids": [file.id], "metadata": {"n": "1"}}], metadata={"user": "abc123"})
    assert thread.object == "thread" and thread.metadata == {"user": "abc123"}
    assert beta.threads.retrieve(thread.id) == thread
    assert beta.threads.update(thread.id, metadata={"modified": "true"}).metadata == {"modified": "true"}

    message = beta.threads.messages.create(thread_id=thread.id, role="user", content="I need to solve the equation `3x + 11 = 14`.")
    assert message.content[0].text.value == "I need to solve the equation `3x + 11 = 14`." and message.content[0].text.annotations == []
    assert (message.role, message.thread_id, message.assistant_id, message.run_id, message.file_ids) == ("user", thread.id, None, None, [])
    assert beta.threads.messages.retrieve(message.id, thread_id=thread.id) == message
    assert beta.threads.messages.update(message.id, thread_id=thread.id, metadata={"k": "v"}).metadata == {"k": "v"}
    first = beta.threads.messages.list(thread.id, order="asc", limit=1).data[0]
    assert first.file_ids == [file.id]
    assert [f.id for f in beta.threads.messages.files.list(first.id, thread_id=thread.id)] == [file.id]
    got = beta.threads.messages.files.retrieve(file.id, thread_id=thread.id, message_id=first.id)
    assert (got.object, got.message_id) == ("thread.message.file", first.id)
    assert beta.threads.runs.list(thread.id).data == []
    assert beta.threads.delete(thread.id).object == "thread.deleted"
    with pytest.raises(openai.NotFoundError):
        beta.threads.messages.list(thread.id)


def test_pages_of_messages():
    thread = beta.threads.create()
    ids = [beta.threads.messages.create(thread.id, role="user", content=str(i)).id for i in range(7)]
    assert [m.id for m in beta.threads.messages.list(thread.id, limit=3)] == ids[::-1]
    assert [m.id for m in beta.threads.messages.list(thread.id, limit=3, order="asc")] == ids
    page = beta.threads.messages.list(thread.id, limit=3, order="asc", after=ids[6])
    assert page.data == [] and not page.has_next_page()
    assert [m.id for m in beta.threads.messages.list(thread.id, limit=2, order="asc", before=ids[4]).data] == ids[2:4]


def test_refusals():
    raw = openai.OpenAI(base_url=client.base_url, api_key=client.api_key, max_retries=0)
    with pytest.raises(openai.BadRequestError) as e:
        raw.get("/assistants", cast_to=object)
    assert e.value.body["code"] == "invalid_beta"
    assert e.value.body["message"] == "You must provide the 'OpenAI-Beta' header to access the Assistants API. Please try again by setting the header 'OpenAI-Beta: assistants=v2'."
    with pytest.raises(openai.BadRequestError) as e:
        beta.threads.create(metadata={str(i): "" for i in range(17)})
    assert e.value.body["param"] == "metadata"
    thread = beta.threads.create()
    with pytest.raises(openai.BadRequestError) as e:
        beta.threads.messages.create(thread.id, role="assistant", content="I said it")
    assert e.value.body["message"] == "Invalid value: 'assistant'. Supported values are: 'user'."
    with pytest.raises(openai.NotFoundError):
        beta.threads.messages.create(thread.id, role="user", content="x", file_ids=["file-none"])
    assert beta.threads.messages.list(thread.id).data == []
    beta.threads.messages.create(thread.id, role="user", content="é" * 256_000)
    with pytest.raises(openai.BadRequestError):
        beta.threads.messages.create(thread.id, role="user", content="é" * 256_001)
