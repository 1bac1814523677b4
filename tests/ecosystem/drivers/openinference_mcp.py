"""MCP, with OpenInference's instrumentation: a trace that goes through a server."""

import asyncio
import os
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.server.mcpserver import MCPServer
from openinference.instrumentation.mcp import MCPInstrumentor
from opentelemetry import trace
from scene import get_weather, provider

made = provider()
MCPInstrumentor().instrument(tracer_provider=made)
tracer = trace.get_tracer("app")


def serve() -> None:
    """Serve a tool that records a span."""
    server = MCPServer("weather")

    @server.tool()
    def weather(city: str) -> str:
        attributes = {
            "openinference.span.kind": "TOOL",
            "input.value": city,
            "output.value": get_weather(city),
        }
        with tracer.start_as_current_span("weather", attributes=attributes):
            return get_weather(city)

    server.run()


async def call() -> None:
    """Call the tool inside of a span."""
    server = StdioServerParameters(
        command=sys.executable,
        args=[__file__, "serve"],
        env={**os.environ, "OTEL_SERVICE_NAME": "weather-server"},
    )
    async with stdio_client(server) as streams, ClientSession(*streams) as session:
        await session.initialize()
        attributes = {"openinference.span.kind": "CHAIN"}
        with tracer.start_as_current_span("ask", attributes=attributes):
            await session.call_tool("weather", {"city": "Paris"})


if "serve" in sys.argv:
    serve()
else:
    asyncio.run(call())
made.shutdown()
