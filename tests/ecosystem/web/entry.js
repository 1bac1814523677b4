export { SimpleSpanProcessor, WebTracerProvider } from "@opentelemetry/sdk-trace-web";
export { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
export { OTLPTraceExporter as BeaconTraceExporter } from "exporter-with-beacon";
