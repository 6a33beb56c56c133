"""`python -m gatebench wsgi`, `python -m gatebench asgi`."""

import sys

try:
    from gatebench.cli import main

    code = main()
except KeyboardInterrupt:  # while Python was still importing
    code = 130
sys.exit(code)
