import OpenAI from "openai";

const client = new OpenAI({
  baseURL: "http://127.0.0.1:8080/v1",
  apiKey: process.env.OPENAI_API_KEY,
});

const response = await client.chat.completions.create({
  model: "gpt-3.5-turbo",
  messages: [
    {
      role: "system",
      content: "It's \"odd\": \\n is no line's end, $HOME no `path`, ${x} nothing;\n바람 🌊 \t  {x} %s",
    },
    {
      role: "user",
      content: "Hi",
    },
    {
      role: "assistant",
      content: "It's \"odd\": \\n is no line's end, $HOME no `path`, ${x} nothing;\n바람 🌊 \t  {x} %s",
    },
    {
      role: "user",
      content: "And?",
      name: "ann",
    },
  ],
  temperature: 0,
  max_tokens: 8,
  top_p: 0.5,
  frequency_penalty: -0.25,
  presence_penalty: 1.5,
  stop: [
    "\n\n",
    "'\"\\",
  ],
  n: 2,
  seed: 7,
  logit_bias: {
    "7": 1,
    "50256": -100,
  },
  user: "ünal",
  logprobs: true,
  top_logprobs: 5,
});

console.log(JSON.stringify(response, null, 2));
