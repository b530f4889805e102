"""Files and resumable uploads with the newest openai."""

import hashlib
import os

import openai
import pytest

client = openai.OpenAI(base_url=os.environ["PARLEY_URL"] + "/v1", api_key=os.environ["PARLEY_KEY"])


def test_files():
    made = client.files.create(
        file=("notes.txt", b"some notes"), purpose="user_data", expires_after={"anchor": "created_at", "seconds": 7200}
    )
    assert made.expires_at == made.created_at + 7200 and made.bytes == 10
    more = [client.files.create(file=(f"{n}.txt", b"x" * n), purpose="user_data") for n in (1, 2, 3)]
    wanted = [f.id for f in reversed([made, *more])]
    listed = [f.id for f in client.files.list(purpose="user_data", limit=2)]
    assert [i for i in listed if i in wanted] == wanted
    assert client.files.content(made.id).read() == b"some notes"
    with client.files.with_streaming_response.content(made.id, extra_headers={"Range": "bytes=5-"}) as part:
        assert part.status_code == 206 and part.read() == b"notes"
    for i in wanted:
        assert client.files.delete(i).deleted
    with pytest.raises(openai.NotFoundError):
        client.files.content(made.id)


def test_upload_in_chunks(tmp_path):
    path = tmp_path / "big.txt"
    content = os.urandom(5_000_000).hex().encode()
    path.write_bytes(content)
    done = client.uploads.upload_file_chunked(
        file=path, mime_type="text/plain", purpose="assistants", part_size=1 << 20, md5=hashlib.md5(content).hexdigest()
    )
    assert done.status == "completed" and done.file is not None and done.file.bytes == len(content)
    assert client.files.content(done.file.id).read() == content
    client.files.delete(done.file.id)


def test_uploads_end():
    upload = client.uploads.create(filename="a.txt", purpose="assistants", bytes=4, mime_type="text/plain")
    part = client.uploads.parts.create(upload.id, data=b"ab")
    with pytest.raises(openai.BadRequestError) as e:
        client.uploads.complete(upload.id, part_ids=[part.id])
    assert "4" in e.value.message
    assert client.uploads.cancel(upload.id).status == "cancelled"
    with pytest.raises(openai.BadRequestError):
        client.uploads.parts.create(upload.id, data=b"cd")
