"""`python -m gatebench bench`, or `gatebench bench` where it is installed."""

import sys


def main() -> int:
    try:
        from gatebench.cli import main as run
    except KeyboardInterrupt:  # while Python was still importing
        return 130
    return run()


if __name__ == "__main__":
    sys.exit(main())
