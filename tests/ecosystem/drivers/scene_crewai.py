"""What every driver of CrewAI asks of it: a crew of one agent with a tool."""

from crewai import LLM, Agent, Crew, Task
from crewai.tools import tool
from scene import WEATHER, get_weather


def conversation() -> None:
    """Start the crew."""
    agent = Agent(
        role="Forecaster",
        goal="Tell the weather",
        backstory="You know the weather.",
        tools=[tool("get_weather")(get_weather)],
        llm=LLM(model="openai/gpt-4o-mini"),
    )
    task = Task(description=WEATHER, expected_output="A sentence", agent=agent)
    Crew(agents=[agent], tasks=[task]).kickoff()
