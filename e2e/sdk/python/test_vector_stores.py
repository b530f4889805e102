"""Vector stores as OpenAI's guides use them, on the real embedding model."""

import io

import openai
import pytest
from common import client

FILES = {
    "cats.md": b"# Cats\n\nCats sleep for up to sixteen hours a day, most of it on warm roofs.\n\n# Dogs\n\nDogs bark at the postman.",
    "engine.txt": b"The turbine of the engine has forty blades. They are made of a nickel alloy and cooled by air.",
    "seoul.txt": "서울은 대한민국의 수도이다. 한강이 도시를 가로질러 흐른다.".encode(),
}


@pytest.fixture(scope="module")
def store():
    v = client.vector_stores.create(name="Guide", metadata={"for": "tests"}, expires_after={"anchor": "last_active_at", "days": 7})
    batch = client.vector_stores.file_batches.upload_and_poll(v.id, files=[(name, io.BytesIO(text)) for name, text in FILES.items()])
    assert batch.status == "completed" and batch.file_counts.completed == 3 and batch.file_counts.total == 3
    yield client.vector_stores.retrieve(v.id)
    assert client.vector_stores.delete(v.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.vector_stores.retrieve(v.id)


def test_objects(store):
    assert store.object == "vector_store" and store.status == "completed" and store.name == "Guide"
    assert store.expires_after.days == 7 and store.expires_at == store.last_active_at + 7 * 86400
    assert store.usage_bytes > 0 and store.metadata == {"for": "tests"}
    assert store.id in [v.id for v in client.vector_stores.list()]
    files = list(client.vector_stores.files.list(store.id, filter="completed", limit=2))
    assert len(files) == 3 and all(f.chunking_strategy.static.max_chunk_size_tokens == 800 for f in files)


@pytest.mark.parametrize(
    ("question", "name"),
    [("How long does a cat rest each day?", "cats.md"), ("What is the blade material of the turbine?", "engine.txt"), ("대한민국 수도는 어디인가요?", "seoul.txt")],
)
def test_search(store, question, name):
    page = client.vector_stores.search(store.id, query=question)
    assert page.data[0].filename == name, page.data
    assert 0 < page.data[0].score <= 1 and page.data[0].content[0].text.strip()
    assert [r.score for r in page.data] == sorted((r.score for r in page.data), reverse=True)


def test_one_file_with_attributes(store):
    uploaded = client.files.create(file=("report.txt", b"Revenue in 2023 was twelve million. " * 3), purpose="assistants")
    f = client.vector_stores.files.create_and_poll(
        uploaded.id,
        vector_store_id=store.id,
        attributes={"year": 2023, "region": "eu", "draft": False},
        chunking_strategy={"type": "static", "static": {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 50}},
    )
    assert f.status == "completed" and f.attributes == {"year": 2023, "region": "eu", "draft": False} and f.last_error is None
    found = client.vector_stores.search(store.id, query="revenue", filters={"type": "gte", "key": "year", "value": 2023}, max_num_results=5)
    assert {r.file_id for r in found.data} == {uploaded.id}
    client.vector_stores.files.update(uploaded.id, vector_store_id=store.id, attributes={"year": 2020})
    none = client.vector_stores.search(
        store.id, query=["revenue", "million"], filters={"type": "and", "filters": [{"type": "eq", "key": "year", "value": 2023}]}, ranking_options={"score_threshold": 0.0}
    )
    assert none.data == []
    text = "".join(part.text for part in client.vector_stores.files.content(uploaded.id, vector_store_id=store.id))
    assert text.startswith("Revenue in 2023")
    assert client.vector_stores.files.delete(uploaded.id, vector_store_id=store.id).deleted
    assert client.files.retrieve(uploaded.id).id == uploaded.id
    client.files.delete(uploaded.id)


def test_what_cannot_be_read(store):
    f = client.vector_stores.files.upload_and_poll(vector_store_id=store.id, file=("a.bin", b"\x00\x01\x02\x03"))
    assert f.status == "failed" and f.last_error.code in ("unsupported_file", "invalid_file") and f.last_error.message
    client.files.delete(f.id)  # and it is no longer in the store
    assert client.vector_stores.retrieve(store.id).file_counts.failed == 0


def test_errors(store):
    with pytest.raises(openai.BadRequestError, match="max_chunk_size_tokens"):
        client.vector_stores.create(file_ids=["file-x"], chunking_strategy={"type": "static", "static": {"max_chunk_size_tokens": 50, "chunk_overlap_tokens": 10}})
    with pytest.raises(openai.BadRequestError, match="half"):
        client.vector_stores.create(chunking_strategy={"type": "static", "static": {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 101}})
    with pytest.raises(openai.NotFoundError):
        client.vector_stores.files.create(file_id="file-nothing", vector_store_id=store.id)
    with pytest.raises(openai.NotFoundError):
        client.vector_stores.search("vs_nothing", query="a")
