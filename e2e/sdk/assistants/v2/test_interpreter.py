"""Code Interpreter as the guide of April 2024 has it, with the newest client and its streaming helper: assistants=v2. The model is a scripted
fake, the sandbox and the files are real."""

import json
import os

import openai

client = openai.OpenAI(base_url=os.environ["PARLEY_URL"] + "/v1", api_key=os.environ["PARLEY_KEY"], max_retries=0)
beta = client.beta


def play(*turns):
    return "play:" + json.dumps(turns)


def code(text):
    return {"calls": [{"name": "python", "arguments": json.dumps({"code": text})}]}


class Handler(openai.AssistantEventHandler):
    def __init__(self):
        super().__init__()
        self.logs, self.input, self.images, self.text = "", "", [], ""

    def on_tool_call_done(self, tool_call):
        self.input = tool_call.code_interpreter.input

    def on_tool_call_delta(self, delta, snapshot):
        if delta.type == "code_interpreter":
            for output in delta.code_interpreter.outputs or []:
                if output.type == "logs":
                    self.logs += output.logs
                else:
                    self.images.append(output.image.file_id)

    def on_text_delta(self, delta, snapshot):
        self.text += delta.value or ""


def test_streamed():
    uploaded = client.files.create(file=("numbers.txt", b"3 4 5"), purpose="assistants")
    assistant = beta.assistants.create(model="scripted", tools=[{"type": "code_interpreter"}])
    program = "n = [int(x) for x in open('/mnt/data/numbers.txt').read().split()]\nfor x in n: print(x * x)\nimport matplotlib.pyplot as plt\nplt.plot(n)\nplt.show()"
    thread = beta.threads.create(messages=[{
        "role": "user", "content": play(code(program), {"text": "Squares."}),
        "attachments": [{"file_id": uploaded.id, "tools": [{"type": "code_interpreter"}]}]}])
    assert thread.tool_resources.code_interpreter.file_ids == [uploaded.id]
    handler = Handler()
    with beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id, event_handler=handler) as stream:
        stream.until_done()
    assert handler.input == program
    assert handler.logs == "9\n16\n25\n" and len(handler.images) == 1
    assert handler.text.endswith("quares.")  # the helper tells of the first piece by on_text_created
    assert client.files.content(handler.images[0]).read().startswith(b"\x89PNG")


def test_polled():
    assistant = beta.assistants.create(model="scripted", tools=[{"type": "code_interpreter"}])
    run = beta.threads.create_and_run_poll(
        assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": play(code("import os; os._exit(1)"), code("print(6 * 7)"), {"text": "42"})}]})
    assert run.status == "completed", run
    steps = list(beta.threads.runs.steps.list(run.id, thread_id=run.thread_id))
    assert steps[-2].step_details.tool_calls[0].code_interpreter.outputs[0].logs == "42\n"


def test_another_thread_sees_nothing():
    assistant = beta.assistants.create(model="scripted", tools=[{"type": "code_interpreter"}])
    logs = []
    for turn in ("secret = 1\nopen('/mnt/data/secret.txt', 'w').write('x');", "import os\nprint('secret' in globals(), os.listdir('/mnt/data'))"):
        run = beta.threads.create_and_run_poll(
            assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": play(code(turn), {"text": "Done."})}]})
        assert run.status == "completed", run
        step = list(beta.threads.runs.steps.list(run.id, thread_id=run.thread_id))[-1]
        logs += [o.logs for o in step.step_details.tool_calls[0].code_interpreter.outputs]
    assert logs == ["False []\n"]
