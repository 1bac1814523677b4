// What the drivers in JavaScript share: the questions, the tool, what is asked of OpenAI.
const SYSTEM = "Be brief.";
const QUESTION = "What is the capital of France?";
const WEATHER = "What is the weather in Paris?";
const NO_MODEL = "gpt-none";
const MODEL = "gpt-4o-mini";
const MESSAGES = [
  { role: "system", content: SYSTEM },
  { role: "user", content: QUESTION },
];
const getWeather = (city) => `21 degrees and sunny in ${city}`;
const PARAMETERS = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
};
const TOOL = {
  name: "get_weather",
  description: "Return the weather of a city.",
  parameters: PARAMETERS,
};

async function chat(client) {
  await client.chat.completions.create({ model: MODEL, messages: MESSAGES });
}

async function conversation(client) {
  const stream = await client.chat.completions.create({
    model: MODEL,
    messages: MESSAGES,
    stream: true,
    stream_options: { include_usage: true },
  });
  for await (const _ of stream);
  const asked = [{ role: "user", content: WEATHER }];
  const tools = [{ type: "function", function: TOOL }];
  const called = await client.chat.completions.create({ model: MODEL, messages: asked, tools });
  const result = { role: "tool", tool_call_id: "call_1", content: getWeather("Paris") };
  const messages = [...asked, called.choices[0].message, result];
  await client.chat.completions.create({ model: MODEL, messages });
  await client.embeddings.create({ model: "text-embedding-3-small", input: QUESTION });
  await client.chat.completions.create({ model: NO_MODEL, messages: MESSAGES }).catch(() => {});
}

module.exports = {
  SYSTEM, QUESTION, WEATHER, NO_MODEL, MODEL, MESSAGES, PARAMETERS, TOOL, getWeather,
  chat, conversation,
};
