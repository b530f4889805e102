"""Files with openai 0.28, as the guides of 2023 had them."""

import json
import os

import openai
import pytest

openai.api_base = os.environ["PARLEY_URL"] + "/v1"
openai.api_key = os.environ["PARLEY_KEY"]

LINES = "".join(json.dumps({"prompt": f"{n}?", "completion": f" {n}."}) + "\n" for n in range(20))


def test_a_training_file(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text(LINES)
    with open(path, "rb") as f:
        made = openai.File.create(file=f, purpose="fine-tune", user_provided_filename="my training.jsonl")
    assert made.object == "file" and made.id.startswith("file-")
    assert made.bytes == len(LINES) and made.filename == "my training.jsonl"
    assert made.purpose == "fine-tune" and made.status in ("uploaded", "processed")
    assert openai.File.retrieve(made.id).id == made.id
    assert made.id in [f.id for f in openai.File.list().data]
    assert openai.File.download(made.id) == LINES.encode()
    same = openai.File.find_matching_files(name="my training.jsonl", bytes=len(LINES), purpose="fine-tune")
    assert made.id in [f["id"] for f in same]
    assert openai.File.delete(made.id).deleted is True
    with pytest.raises(openai.error.InvalidRequestError) as e:
        openai.File.retrieve(made.id)
    assert e.value.http_status == 404 and f"No such File object: {made.id}" in str(e.value)


def test_bytes_without_a_name():
    made = openai.File.create(file=LINES.encode(), purpose="fine-tune")
    assert made.filename == "file"
    openai.File.delete(made.id)


def test_what_is_wrong_is_named():
    for content, words in {
        "not json\n": "Line 1 is not a dictionary",
        LINES + '{"prompt": "x"}\n': "Missing 'completion' key on line 21",
        '{"messages": [{"role": "user", "content": "x"}]}\n': "Line 1",
    }.items():
        with pytest.raises(openai.error.InvalidRequestError) as e:
            openai.File.create(file=content.encode(), purpose="fine-tune")
        assert e.value.http_status == 400 and words in str(e.value), str(e.value)
