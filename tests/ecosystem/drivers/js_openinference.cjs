// OpenAI's client, with OpenInference's instrumentation for JavaScript.
const { NodeSDK } = require("@opentelemetry/sdk-node");
const { OpenAIInstrumentation } = require("@arizeai/openinference-instrumentation-openai");
const { context } = require("@opentelemetry/api");
const { setSession, setUser, setTags, setMetadata } = require("@arizeai/openinference-core");

const instrumentation = new OpenAIInstrumentation();
const sdk = new NodeSDK({ instrumentations: [instrumentation] });
sdk.start();
const { OpenAI } = require("openai");
instrumentation.manuallyInstrument(OpenAI);
const { chat, conversation } = require("./scene.cjs");
const client = new OpenAI({ maxRetries: 0 });

async function main() {
  let said = setSession(context.active(), { sessionId: "s-1" });
  said = setUser(said, { userId: "ann" });
  said = setTags(said, ["blue", "green"]);
  said = setMetadata(said, { plan: "pro" });
  await context.with(said, () => chat(client));
  await conversation(client);
  await sdk.shutdown();
}
main();
