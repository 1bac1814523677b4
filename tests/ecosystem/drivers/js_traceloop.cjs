// Traceloop's SDK for JavaScript: a workflow of a task, a tool and OpenAI's client.
const traceloop = require("@traceloop/node-server-sdk");
traceloop.initialize({
  appName: "ecosystem",
  baseUrl: process.env.FAKE_URL,
  apiKey: "none",
  disableBatch: false,
  silenceInitializationMessage: true,
  tracingEnabled: true,
  traceloopSyncEnabled: false,
  instrumentModules: { openAI: require("openai").OpenAI },
});
const { OpenAI } = require("openai");
const { QUESTION, getWeather, chat, conversation } = require("./scene.cjs");
const client = new OpenAI({ maxRetries: 0 });

async function main() {
  await traceloop.withAssociationProperties({ user_id: "ann", session_id: "s-1", plan: "pro" }, () =>
    traceloop.withWorkflow({ name: "travel" }, async (question) => {
      await traceloop.withTool({ name: "get_weather" }, async (city) => getWeather(city), "Paris");
      await traceloop.withTask({ name: "ask" }, async () => chat(client));
      return "Paris is the capital of France.";
    }, QUESTION),
  );
  await conversation(client);
  await traceloop.forceFlush();
}
main();
