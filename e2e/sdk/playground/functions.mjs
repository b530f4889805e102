import OpenAI from "openai";

const client = new OpenAI({
  baseURL: "http://127.0.0.1:8080/v1",
  apiKey: process.env.OPENAI_API_KEY,
});

const response = await client.chat.completions.create({
  model: "gpt-3.5-turbo",
  messages: [
    {
      role: "user",
      content: "The weather in Seoul?",
    },
  ],
  temperature: 0,
  max_tokens: 32,
  top_p: 1,
  frequency_penalty: 0,
  presence_penalty: 0,
  seed: 7,
  functions: [
    {
      name: "get_weather",
      description: "The weather of a city now",
      parameters: {
        type: "object",
        properties: {
          city: {
            type: "string",
          },
          unit: {
            type: "string",
            enum: [
              "celsius",
              "fahrenheit",
            ],
          },
        },
        required: [
          "city",
        ],
      },
    },
  ],
  function_call: "none",
});

console.log(JSON.stringify(response, null, 2));
