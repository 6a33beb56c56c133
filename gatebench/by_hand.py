"""`python -m gatebench.by_hand`: the Side that GATEBENCH_SERVER and the other knobs ask for, as JSON.

compose/app/start asks for it where `docker compose up` was typed by hand and no runner has said what to serve.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from gatebench.command import from_environment, guarded
from gatebench.knobs import KNOBS, resolve_server


def main() -> int:
    given = from_environment()
    knobs = {knob.name: given[knob.name] for knob in KNOBS if knob.name in given}
    print(json.dumps(asdict(resolve_server(given["SERVER"], knobs, lambda: True).side)))
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main, interrupted="Interrupted."))
