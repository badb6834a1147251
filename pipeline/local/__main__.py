"""The command `python -m pipeline.local`, which `make run` runs."""

import sys

from pipeline.local.demo import main

sys.exit(main())
