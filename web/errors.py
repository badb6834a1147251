"""The errors of the API.

::

    IotLogicError
    ├── Busy                the maximum number of requests is already running
    ├── ExamplesFailed      at least one example of a logic fails
    ├── ExamplesUnfit       the examples of a logic are invalid
    └── TokenError          a token cannot be created
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass
