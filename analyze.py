"""Run folders in, tables and charts out: `python analyze.py [RUN ...]`. A thin command over gatebench.analysis."""

import sys

try:
    from gatebench.analysis.cli import main

    code = main()
except KeyboardInterrupt:  # while pandas was still being imported
    code = 130
sys.exit(code)
