"""Code Interpreter as the guide of November 2023 has it, with the client of that time: assistants=v1. The model is a scripted fake, the
sandbox and the files are real."""

import json
import os
import time

import openai

client = openai.OpenAI(base_url=os.environ["PARLEY_URL"] + "/v1", api_key=os.environ["PARLEY_KEY"], max_retries=0)
beta = client.beta


def play(*turns):
    return "play:" + json.dumps(turns)


def code(text):
    return {"calls": [{"name": "python", "arguments": json.dumps({"code": text})}]}


def finish(run):
    deadline = time.time() + 120
    while run.status in ("queued", "in_progress"):
        assert time.time() < deadline, run
        time.sleep(0.05)
        run = beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)
    assert run.status == "completed", run
    return run


def test_guide():
    uploaded = client.files.create(file=("speech.csv", b"word,count\nhello,3\nworld,4\n"), purpose="assistants")
    assistant = beta.assistants.create(
        name="Data visualizer", instructions="You are great at creating beautiful data visualizations.", model="scripted",
        tools=[{"type": "code_interpreter"}], file_ids=[uploaded.id])
    script = play(
        code("import pandas as pd\ndf = pd.read_csv('/mnt/data/speech.csv')\ndf.total"),
        code("import matplotlib.pyplot as plt\nprint(df['count'].sum())\nplt.bar(df.word, df['count'])\nplt.show()\ndf.assign(double=df['count'] * 2).to_csv('/mnt/data/doubled.csv', index=False)"),
        {"text": "Here is [the table](sandbox:/mnt/data/doubled.csv)."})
    thread = beta.threads.create(messages=[{"role": "user", "content": script}])
    run = finish(beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id))

    steps = list(reversed(beta.threads.runs.steps.list(thread_id=thread.id, run_id=run.id).data))
    assert [s.type for s in steps] == ["tool_calls", "tool_calls", "message_creation"]
    failed, repaired = (s.step_details.tool_calls[0].code_interpreter for s in steps[:2])
    assert "AttributeError" in failed.outputs[0].logs and failed.input.startswith("import pandas")
    assert [o.type for o in repaired.outputs] == ["logs", "image"] and repaired.outputs[0].logs == "7\n"
    assert client.files.content(repaired.outputs[1].image.file_id).content.startswith(b"\x89PNG")

    answer = beta.threads.messages.list(thread_id=thread.id).data[0]
    kinds = [c.type for c in answer.content]
    assert "image_file" in kinds and "text" in kinds
    text = next(c.text for c in answer.content if c.type == "text")
    note = text.annotations[0]
    assert note.type == "file_path" and text.value[note.start_index:note.end_index] == note.text == "sandbox:/mnt/data/doubled.csv"
    made = client.files.retrieve(note.file_path.file_id)
    assert made.purpose == "assistants_output" and made.filename == "doubled.csv"
    assert client.files.content(made.id).content == b"word,count,double\nhello,3,6\nworld,4,8\n"

    # The thread's variables are there for the next run.
    beta.threads.messages.create(thread.id, role="user", content=play(code("print(len(df))"), {"text": "Two rows."}))
    run = finish(beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id))
    steps = beta.threads.runs.steps.list(thread_id=thread.id, run_id=run.id).data
    assert steps[-1].step_details.tool_calls[0].code_interpreter.outputs[0].logs == "2\n"
