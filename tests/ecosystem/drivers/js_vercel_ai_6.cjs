// Vercel's AI SDK 6: a text, a stream, a tool, an embedding, a failure.
const { NodeSDK } = require("@opentelemetry/sdk-node");
const sdk = new NodeSDK();
sdk.start();
const { generateText, streamText, embed, tool, jsonSchema, stepCountIs } = require("ai");
const { createOpenAI } = require("@ai-sdk/openai");
const { SYSTEM, QUESTION, WEATHER, NO_MODEL, MODEL, PARAMETERS, getWeather } = require("./scene.cjs");

const openai = createOpenAI({ baseURL: process.env.OPENAI_BASE_URL });
const telemetry = (functionId) => ({
  isEnabled: true,
  functionId,
  metadata: { userId: "ann", sessionId: "s-1", plan: "pro", tags: ["blue", "green"] },
});
const get_weather = tool({
  description: "Return the weather of a city.",
  inputSchema: jsonSchema(PARAMETERS),
  execute: async ({ city }) => getWeather(city),
});

async function main() {
  const model = openai.chat(MODEL);
  const asked = { model, system: SYSTEM, maxRetries: 0 };
  await generateText({ ...asked, prompt: QUESTION, experimental_telemetry: telemetry("chat") });
  const stream = streamText({ ...asked, prompt: QUESTION, experimental_telemetry: telemetry("stream") });
  await stream.text;
  await generateText({
    ...asked,
    prompt: WEATHER,
    tools: { get_weather },
    stopWhen: stepCountIs(3),
    experimental_telemetry: telemetry("agent"),
  });
  await embed({
    model: openai.embedding("text-embedding-3-small"),
    value: QUESTION,
    experimental_telemetry: telemetry("embed"),
  });
  await generateText({
    ...asked,
    model: openai.chat(NO_MODEL),
    prompt: QUESTION,
    experimental_telemetry: telemetry("fail"),
  }).catch(() => {});
  await sdk.shutdown();
}
main();
