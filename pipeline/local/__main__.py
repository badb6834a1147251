"""`python -m pipeline.local`, which is what `make run` runs."""

import sys

from pipeline.local.demo import main

sys.exit(main())
