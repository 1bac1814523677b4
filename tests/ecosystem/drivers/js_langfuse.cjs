// Langfuse's SDK for JavaScript: observe, and its wrapper of OpenAI's client.
const { NodeSDK } = require("@opentelemetry/sdk-node");
const { LangfuseSpanProcessor } = require("@langfuse/otel");
const { observe, propagateAttributes } = require("@langfuse/tracing");
const { observeOpenAI } = require("@langfuse/openai");
const { OpenAI } = require("openai");
const { QUESTION, MODEL, MESSAGES, getWeather, conversation } = require("./scene.cjs");

const sdk = new NodeSDK({ spanProcessors: [new LangfuseSpanProcessor()] });
sdk.start();
const client = observeOpenAI(new OpenAI({ maxRetries: 0 }));
const weather = observe(async (city) => getWeather(city), { name: "get_weather", asType: "tool" });
const travel = observe(
  async (question) => {
    await weather("Paris");
    const answer = await client.chat.completions.create({ model: MODEL, messages: MESSAGES });
    return answer.choices[0].message.content;
  },
  { name: "travel", asType: "agent" },
);
const fail = observe(async (question) => { throw new Error("boom"); }, { name: "fail" });

async function main() {
  const said = { userId: "ann", sessionId: "s-1", tags: ["blue", "green"], metadata: { plan: "pro" } };
  await propagateAttributes(said, () => travel(QUESTION));
  await fail(QUESTION).catch(() => {});
  await conversation(client);
  await sdk.shutdown();
}
main();
