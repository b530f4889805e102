import os
from openai import OpenAI

client = OpenAI(
    base_url="http://127.0.0.1:8080/v1",
    api_key=os.environ["OPENAI_API_KEY"],
)

response = client.post(
    "/edits",
    cast_to=object,
    body={
        "model": "text-davinci-edit-001",
        "input": "What day of the wek is it?",
        "instruction": "Fix the spelling mistakes.",
        "temperature": 0,
        "top_p": 0.9,
        "n": 2,
    },
)

print(response)
