"""`python -m music_pipeline.demo`: the demo, as `make demo` runs it."""

import sys

from music_pipeline.demo.run import main

sys.exit(main())
