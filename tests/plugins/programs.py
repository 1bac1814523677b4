"""Programs that run in an interpreter of their own and send to a sink."""

import os
import subprocess
import sys
import textwrap

SECONDS = 60


def run(code: str, endpoint: str, **variables: str) -> str:
    """Run the code and return what it printed.

    Args:
        code: a program; ``spanframe`` and ``work``, a decorated function, are there.
        endpoint: where its spans go.
        variables: environment variables it gets.
    """
    prelude = """
    import os, sys, time
    import spanframe

    @spanframe.trace
    def work(x=0):
        return x
    """
    program = textwrap.dedent(prelude) + textwrap.dedent(code)
    ended = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error::ResourceWarning", "-c", program],
        env=os.environ | {"SPANFRAME_ENDPOINT": endpoint} | variables,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr, ended.stderr
    return ended.stdout
