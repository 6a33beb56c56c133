"""The style sheet's colours: sides are told apart in every sight of colour, and everything can be read."""

from __future__ import annotations

import re
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest

from gatebench.analysis.showing.page.page import HERE

SIDES = ("a", "b", "third", "d")
CLEARLY_APART = 10.0
"""In OKLab, times 100: about five times what is just noticed."""

READABLE = 4.5
"""WCAG 2.2, AA."""

SIGHTS = {
    "normal": np.eye(3),
    "protan": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deutan": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritan": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
"""Machado, Oliveira and Fernandes (2009), without the whole of one kind of cone, on linear RGB."""

LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
"""Ottosson's OKLab."""


def colours(dark: bool) -> dict[str, str]:
    light, _, rest = (HERE / "style.css").read_text().partition("@media screen and (prefers-color-scheme: dark)")
    found = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", light))
    return {**found, **dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", rest.partition("* {")[0]))} if dark else found


def linear(colour: str) -> npt.NDArray[np.float64]:
    shares = np.array([int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)])
    return np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    low, high = sorted(float(linear(colour) @ [0.2126, 0.7152, 0.0722]) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def apart(one: str, other: str, sight: str) -> float:
    seen = [np.clip(SIGHTS[sight] @ linear(colour), 0, 1) for colour in (one, other)]
    a, b = (LAB @ np.cbrt(LMS @ colour) for colour in seen)
    return float(100 * np.linalg.norm(a - b))


both_modes = pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])


def test_black_and_white_are_as_far_apart_as_colours_can_be() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert apart("#000000", "#ffffff", "normal") == pytest.approx(100, abs=0.1)


@both_modes
@pytest.mark.parametrize("sight", SIGHTS)
def test_any_two_sides_are_told_apart_by_their_colours(dark: bool, sight: str) -> None:
    known = colours(dark)
    for one, other in combinations(SIDES, 2):
        assert apart(known[one], known[other], sight) > CLEARLY_APART, (one, other)


@both_modes
def test_everything_that_is_written_can_be_read(dark: bool) -> None:
    known = colours(dark)
    for name in (*SIDES, "fail", "ink", "soft"):
        assert contrast(known[name], known["paper"]) > READABLE, name
    for step in range(1, 6):
        words = known.get(f"h{step}-ink", known["ink"])
        assert contrast(words, known[f"h{step}"]) > READABLE, step
