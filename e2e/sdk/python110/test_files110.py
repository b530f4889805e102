"""Files with openai 1.10 of January 2024."""

import io
import json
import os

import openai
import pytest

client = openai.OpenAI(base_url=os.environ["PARLEY_URL"] + "/v1", api_key=os.environ["PARLEY_KEY"])


def test_files_of_assistants(tmp_path):
    path = tmp_path / "report.txt"
    path.write_text("The ball is red.")
    made = [client.files.create(file=path, purpose="assistants")]
    with open(path, "rb") as f:
        made.append(client.files.create(file=f, purpose="assistants"))
    made.append(client.files.create(file=("notes.md", io.BytesIO(b"# Notes")), purpose="assistants"))
    assert [f.filename for f in made] == ["report.txt", "report.txt", "notes.md"]
    assert all(f.object == "file" and f.status == "processed" for f in made)
    listed = [f.id for f in client.files.list(purpose="assistants")]  # pages until one is empty
    assert all(listed.count(f.id) == 1 for f in made)
    assert client.files.retrieve(made[0].id).bytes == 16
    assert client.files.content(made[0].id).read() == b"The ball is red."
    assert client.files.retrieve_content(made[2].id) == "# Notes"
    for f in made:
        assert client.files.delete(f.id).deleted
    with pytest.raises(openai.NotFoundError) as e:
        client.files.retrieve(made[0].id)
    assert e.value.param == "id" and "No such File object" in e.value.message


def test_chat_examples():
    line = {"messages": [{"role": "system", "content": "Marv is sarcastic."}, {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Oh, hi."}]}
    made = client.files.create(file=(json.dumps(line) + "\n").encode() * 10, purpose="fine-tune")
    assert client.files.wait_for_processing(made.id).status == "processed"
    client.files.delete(made.id)
    bad = {"messages": [{"role": "wizard", "content": "Hi"}]}
    with pytest.raises(openai.BadRequestError) as e:
        client.files.create(file=(json.dumps(line) + "\n" + json.dumps(bad)).encode(), purpose="fine-tune")
    assert "Line 2" in e.value.message and "wizard" in e.value.message


def test_purposes():
    with pytest.raises(openai.BadRequestError) as e:
        client.files.create(file=b"x", purpose="assistants_output")  # type: ignore[arg-type]
    assert e.value.param == "purpose" and "is not one of ['fine-tune', " in e.value.message
