"""A VirtualEnvironment: what the app runs on, where it is not what Gatebench itself runs on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class VirtualEnvironment:
    """requirements/app.txt, with other packages in the place of some of its own."""

    packages: tuple[str, ...] = ()  # requirements as pip takes them: `django==6.1.*`
    python: str = ""  # the interpreter, as PYTHON names it; Gatebench's own where it is empty

    @property
    def label(self) -> str:
        """As in "django==6.1.*, python3.13"."""
        return ", ".join([*self.packages, *[Path(self.python).name] * bool(self.python)])
