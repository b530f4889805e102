import OpenAI from "openai";

const client = new OpenAI({
  baseURL: "http://127.0.0.1:8080/v1",
  apiKey: process.env.OPENAI_API_KEY,
});

const response = await client.completions.create({
  model: "gpt-3.5-turbo-instruct",
  prompt: "Once upon a time.\nIt's \"odd\": \\n is no line's end, $HOME no `path`, ${x} nothing;\n바람 🌊 \t  {x} %s",
  temperature: 0,
  max_tokens: 8,
  top_p: 1,
  frequency_penalty: 0,
  presence_penalty: 0,
  stop: [
    "\n",
  ],
  seed: 7,
  best_of: 2,
  echo: true,
  logprobs: 3,
});

console.log(JSON.stringify(response, null, 2));
