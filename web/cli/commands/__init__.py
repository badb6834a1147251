"""The commands of `iot-logic`, a file each. They know the API as any client does: by its routes.

What a command imports is imported when it is run, so that the others start as fast as without it.
"""

from typing import Final

#: Exit status: all is as it should be.
OK: Final = 0
#: ... something is not: a logic is refused, another was faster, there are differences, a plant is not well.
WRONG: Final = 1
#: ... the command could not do its work: it was used wrongly, or the API does not answer or let it.
UNABLE: Final = 2
#: ... Ctrl-C ended it.
STOPPED: Final = 130
