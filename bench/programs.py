# SPDX-License-Identifier: MIT
"""Running programs."""

import os
import subprocess


class Failed(Exception):
    """A contender could not do the work; says why."""


def execute(command, **environment):
    command = [str(word) for word in command]
    result = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True)
    if result.returncode:
        said = [line for line in result.stderr.splitlines() if line and not line.startswith("==")]
        raise Failed(" ".join([f"status {result.returncode}:", *said[-1:]]))
    return result
