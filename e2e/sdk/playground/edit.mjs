import OpenAI from "openai";

const client = new OpenAI({
  baseURL: "http://127.0.0.1:8080/v1",
  apiKey: process.env.OPENAI_API_KEY,
});

const response = await client.post("/edits", { body: {
  model: "text-davinci-edit-001",
  input: "What day of the wek is it?",
  instruction: "Fix the spelling mistakes.",
  temperature: 0,
  top_p: 0.9,
  n: 2,
} });

console.log(JSON.stringify(response, null, 2));
