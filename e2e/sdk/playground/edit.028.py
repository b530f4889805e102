import os
import openai

openai.api_base = "http://127.0.0.1:8080/v1"
openai.api_key = os.environ["OPENAI_API_KEY"]

response = openai.Edit.create(
    model="text-davinci-edit-001",
    input="What day of the wek is it?",
    instruction="Fix the spelling mistakes.",
    temperature=0,
    top_p=0.9,
    n=2,
)

print(response)
