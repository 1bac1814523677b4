// OpenTelemetry's Node SDK, in the protocol that the environment names: every kind of
// value, an event, a link, an exception; no library of a model.
const { NodeSDK } = require("@opentelemetry/sdk-node");
const { trace, SpanStatusCode } = require("@opentelemetry/api");

const sdk = new NodeSDK();
sdk.start();
const tracer = trace.getTracer("shop", "1.0");

tracer.startActiveSpan("order", (order) => {
  order.setAttributes({
    "gen_ai.operation.name": "invoke_agent",
    "session.id": "s-1",
    "user.id": "ann",
    "order.count": 3,
    "order.total": 9.5,
    "order.paid": true,
    "order.items": ["bread", "milk"],
    "order.note": "for Zoë 🥐",
  });
  order.addEvent("packed", { boxes: 2 });
  tracer.startActiveSpan("pay", { links: [{ context: order.spanContext() }] }, (pay) => {
    const error = new Error("card declined");
    pay.recordException(error);
    pay.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
    pay.end();
  });
  order.end();
});
sdk.shutdown();
