"""The objects of the Assistants API of April 2024 with the newest client, and what v1 made seen through v2."""

import os

import openai
import pytest

client = openai.OpenAI(base_url=os.environ["PARLEY_URL"] + "/v1", api_key=os.environ["PARLEY_KEY"], max_retries=0)
beta = client.beta
V1 = {"OpenAI-Beta": "assistants=v1"}

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def upload(name, text="Cats sleep. Dogs bark.", purpose="assistants"):
    return client.files.create(file=(name, text.encode()), purpose=purpose)


def v1(method, path, body=None):
    if method == "get":
        return client.get(path, cast_to=object, options={"headers": V1})
    return client.post(path, cast_to=object, body=body, options={"headers": V1})


def test_assistant():
    file = upload("data.csv")
    store = client.vector_stores.create(name="Financial Statements")
    assistant = beta.assistants.create(
        name="Analyst", instructions="Use your knowledge base.", model="gpt-4-turbo-preview", temperature=0.2, top_p=0.9, response_format={"type": "json_object"},
        tools=[{"type": "code_interpreter"}, {"type": "file_search", "file_search": {"max_num_results": 5, "ranking_options": {"score_threshold": 0.4}}}],
        tool_resources={"code_interpreter": {"file_ids": [file.id]}, "file_search": {"vector_store_ids": [store.id]}}, metadata={"a": "b"},
    )
    assert assistant.tool_resources.code_interpreter.file_ids == [file.id] and assistant.tool_resources.file_search.vector_store_ids == [store.id]
    assert assistant.tools[1].file_search.max_num_results == 5 and assistant.response_format.type == "json_object" and assistant.temperature == 0.2
    assert beta.assistants.retrieve(assistant.id) == assistant
    old = v1("get", f"/assistants/{assistant.id}")
    assert [t["type"] for t in old["tools"]] == ["code_interpreter", "retrieval"] and old["file_ids"] == [file.id] and "tool_resources" not in old
    changed = beta.assistants.update(assistant.id, response_format="auto", tools=[{"type": "file_search"}], tool_resources={"code_interpreter": {"file_ids": []}})
    assert changed.response_format == "auto" and changed.tool_resources.code_interpreter is None and changed.tool_resources.file_search.vector_store_ids == [store.id]
    assert assistant.id in [a.id for a in beta.assistants.list(limit=1)]  # all pages
    assert beta.assistants.delete(assistant.id).deleted


def test_v1_seen_through_v2():
    file = upload("knowledge.txt")
    made = v1("post", "/assistants", {"model": "gpt-4", "tools": [{"type": "retrieval"}], "file_ids": [file.id]})
    seen = beta.assistants.retrieve(made["id"])
    assert [t.type for t in seen.tools] == ["file_search"] and seen.tool_resources.code_interpreter is None
    (store,) = seen.tool_resources.file_search.vector_store_ids
    assert [f.id for f in client.vector_stores.files.list(store)] == [file.id]
    beta.assistants.delete(seen.id)
    with pytest.raises(openai.NotFoundError):
        client.vector_stores.retrieve(store)
    thread = v1("post", "/threads", {"messages": [{"role": "user", "content": "See", "file_ids": [file.id]}]})
    (message,) = beta.threads.messages.list(thread["id"]).data
    assert message.status == "completed" and message.attachments[0].file_id == file.id
    assert [t.type for t in message.attachments[0].tools] == ["code_interpreter", "file_search"]


def test_thread_and_messages():
    text, image = upload("a.txt"), upload("a.png", "PNG", purpose="vision")
    thread = beta.threads.create(
        messages=[
            {"role": "user", "content": [{"type": "text", "text": "What is this?"}, {"type": "image_file", "image_file": {"file_id": image.id, "detail": "low"}}]},
            {"role": "assistant", "content": "A cat."},
            {"role": "user", "content": "And this?", "attachments": [{"file_id": text.id, "tools": [{"type": "file_search"}]}]},
        ],
        tool_resources={"code_interpreter": {"file_ids": [text.id]}},
    )
    assert thread.tool_resources.code_interpreter.file_ids == [text.id] and len(thread.tool_resources.file_search.vector_store_ids) == 1
    first, second, third = beta.threads.messages.list(thread.id, order="asc").data
    assert first.content[0].text.value == "What is this?" and first.content[1].image_file.detail == "low" and second.role == "assistant"
    assert third.attachments[0].tools[0].type == "file_search" and third.status == "completed" and third.completed_at and third.incomplete_details is None
    assert [p["type"] for p in v1("get", f"/threads/{thread.id}/messages/{first.id}")["content"]] == ["text", "image_file"]
    linked = beta.threads.messages.create(thread.id, role="user", content=[{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}])
    assert linked.content[0].image_url.url == "https://example.com/a.png"
    gone = beta.threads.messages.delete(linked.id, thread_id=thread.id)
    assert gone.deleted and gone.object == "thread.message.deleted"
    assert len(list(beta.threads.messages.list(thread.id, limit=1))) == 3
    store = thread.tool_resources.file_search.vector_store_ids[0]
    assert beta.threads.delete(thread.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.vector_stores.retrieve(store)


def test_vector_store_made_with_the_thread():
    file = upload("a.txt")
    thread = beta.threads.create(tool_resources={"file_search": {"vector_stores": [{"file_ids": [file.id], "metadata": {"k": "v"}}]}})
    (store,) = thread.tool_resources.file_search.vector_store_ids
    assert client.vector_stores.retrieve(store).metadata == {"k": "v"}
    assert beta.threads.update(thread.id, tool_resources={"file_search": {"vector_store_ids": []}}).tool_resources.file_search is None
    assert client.vector_stores.retrieve(store).id == store  # it was named by nobody else, and is the user's


def test_refusals():
    for body, message in [
        ({"file_ids": []}, "Unknown parameter: 'file_ids'."),
        ({"tools": [{"type": "retrieval"}]}, "Invalid value: 'retrieval'. Supported values are: 'code_interpreter', 'function', and 'file_search'."),
        ({"metadata": {"k": "v" * 513}}, "Invalid 'metadata.k': string too long. Expected a string with maximum length 512, but got a string with length 513 instead."),
        ({"model": "nothing-here"}, "The model `nothing-here` does not exist"),
    ]:
        with pytest.raises(openai.APIStatusError) as e:
            client.post("/assistants", cast_to=object, body={"model": "gpt-4", **body}, options={"headers": {"OpenAI-Beta": "assistants=v2"}})
        assert e.value.status_code in (400, 404) and e.value.body["message"].startswith(message), e.value.body
    assistant = beta.assistants.create(model="gpt-4")
    with pytest.raises(openai.BadRequestError) as e:
        client.get(f"/assistants/{assistant.id}/files", cast_to=object, options={"headers": {"OpenAI-Beta": "assistants=v2"}})
    assert e.value.body["code"] == "invalid_beta"
    with pytest.raises(openai.NotFoundError):
        beta.assistants.create(model="gpt-4", tools=[{"type": "file_search"}], tool_resources={"file_search": {"vector_store_ids": ["vs_none"]}})
    with pytest.raises(openai.NotFoundError):
        beta.threads.messages.list("thread_none")
