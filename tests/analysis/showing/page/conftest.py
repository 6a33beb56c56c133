"""Each page is made once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.analysis.showing.page.cases import SYNTHETIC, Case, writer

Made = Callable[[str], Case]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The page of a case, by its name in SYNTHETIC."""
    known: dict[str, Case] = {}

    def make(name: str) -> Case:
        if name not in known:
            known[name] = SYNTHETIC[name](writer(tmp_path_factory.mktemp("page")))
        return known[name]

    return make
