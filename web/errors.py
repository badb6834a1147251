"""The errors of the API's own.

::

    IotLogicError
    ├── Busy                as much is done at once as may be
    ├── ExamplesFailed      a logic does not do what its examples say
    ├── ExamplesUnfit       examples cannot be kept with a logic
    └── TokenError          a token cannot be made as asked
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass
