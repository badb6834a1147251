"""The commands of `iot-logic`, one per file. Like any client, they use the routes of the API.

Each command imports its dependencies when it runs, so that they do not slow down the start of the others.
"""

from typing import Final

#: Exit status: success.
OK: Final = 0
#: ... a problem was found: a logic is refused, a conflict, differences, or a plant with problems.
WRONG: Final = 1
#: ... the command could not do its work: its arguments are invalid, or the API does not answer or refuses the
#: request.
UNABLE: Final = 2
#: ... stopped by Ctrl-C.
STOPPED: Final = 130
