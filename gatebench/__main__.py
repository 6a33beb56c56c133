"""`python -m gatebench` is the `gatebench` command."""

import sys

from gatebench.cli import main

sys.exit(main())
