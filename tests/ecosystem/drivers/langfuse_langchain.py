"""LangChain, with Langfuse's callback handler."""

from langfuse import get_client
from langfuse.langchain import CallbackHandler
from scene import SESSION, TAGS, USER
from scene_langchain import chain, conversation

handler = CallbackHandler()

chain(
    {
        "callbacks": [handler],
        "metadata": {
            "langfuse_user_id": USER,
            "langfuse_session_id": SESSION,
            "langfuse_tags": TAGS,
            "plan": "pro",
        },
    }
)
conversation({"callbacks": [handler]})
get_client().flush()
