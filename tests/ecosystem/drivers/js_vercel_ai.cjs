// Vercel's AI SDK: a text, a stream, a tool, an embedding, a failure.
const { NodeSDK } = require("@opentelemetry/sdk-node");
const sdk = new NodeSDK();
sdk.start();
const ai = require("ai");
const otel = require("@ai-sdk/otel");
const { createOpenAI } = require("@ai-sdk/openai");
const { SYSTEM, QUESTION, WEATHER, NO_MODEL, MODEL, PARAMETERS, getWeather } = require("./scene.cjs");

ai.registerTelemetry(new otel[process.env.AI_SDK_TELEMETRY]({ runtimeContext: true }));
const openai = createOpenAI({ baseURL: process.env.OPENAI_BASE_URL });
const said = (functionId) => ({
  runtimeContext: { userId: "ann", sessionId: "s-1", plan: "pro" },
  telemetry: { functionId, includeRuntimeContext: { userId: true, sessionId: true, plan: true } },
});
const get_weather = ai.tool({
  description: "Return the weather of a city.",
  inputSchema: ai.jsonSchema(PARAMETERS),
  execute: async ({ city }) => getWeather(city),
});

async function main() {
  const asked = { model: openai.chat(MODEL), instructions: SYSTEM, maxRetries: 0 };
  await ai.generateText({ ...asked, prompt: QUESTION, ...said("chat") });
  await ai.streamText({ ...asked, prompt: QUESTION, ...said("stream") }).text;
  await ai.generateText({
    ...asked,
    prompt: WEATHER,
    tools: { get_weather },
    stopWhen: ai.stepCountIs(3),
    ...said("agent"),
  });
  await ai.embed({
    model: openai.embedding("text-embedding-3-small"),
    value: QUESTION,
    telemetry: { functionId: "embed" },
  });
  await ai
    .generateText({ ...asked, model: openai.chat(NO_MODEL), prompt: QUESTION, ...said("fail") })
    .catch(() => {});
  await sdk.shutdown();
}
main();
