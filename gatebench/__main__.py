"""`python -m gatebench` is the `gatebench` command."""

import sys

try:
    from gatebench.cli import main

    code = main()
except KeyboardInterrupt:  # while Python was still importing
    code = 130
sys.exit(code)
