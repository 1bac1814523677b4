// LangChain, with OpenInference's instrumentation for JavaScript.
const { NodeSDK } = require("@opentelemetry/sdk-node");
const { LangChainInstrumentation } = require("@arizeai/openinference-instrumentation-langchain");
const { context } = require("@opentelemetry/api");
const { setSession, setUser, setTags, setMetadata } = require("@arizeai/openinference-core");

const instrumentation = new LangChainInstrumentation();
const sdk = new NodeSDK({ instrumentations: [instrumentation] });
sdk.start();
instrumentation.manuallyInstrument(require("@langchain/core/callbacks/manager"));
const { ChatOpenAI } = require("@langchain/openai");
const { ChatPromptTemplate } = require("@langchain/core/prompts");
const { StringOutputParser } = require("@langchain/core/output_parsers");
const { tool } = require("@langchain/core/tools");
const { SYSTEM, QUESTION, WEATHER, NO_MODEL, MODEL, PARAMETERS, getWeather } = require("./scene.cjs");

const model = (name) => new ChatOpenAI({ model: name, maxRetries: 0 });
const weather = tool(async ({ city }) => getWeather(city), {
  name: "get_weather",
  description: "Return the weather of a city.",
  schema: PARAMETERS,
});

async function main() {
  let said = setSession(context.active(), { sessionId: "s-1" });
  said = setUser(said, { userId: "ann" });
  said = setTags(said, ["blue", "green"]);
  said = setMetadata(said, { plan: "pro" });
  const prompt = ChatPromptTemplate.fromMessages([["system", SYSTEM], ["user", "{question}"]]);
  const chain = prompt.pipe(model(MODEL)).pipe(new StringOutputParser());
  await context.with(said, () => chain.invoke({ question: QUESTION }));
  await model(MODEL).bindTools([weather]).invoke(WEATHER);
  await weather.invoke({ city: "Paris" });
  await model(NO_MODEL).invoke(QUESTION).catch(() => {});
  await sdk.shutdown();
}
main();
