"""Lists of sentences, as the page has them."""

from __future__ import annotations

from collections.abc import Sequence

from gatebench.analysis.comparing.sides import Side
from gatebench.analysis.showing.page.html import Content, Markup, prose, tag, text
from gatebench.analysis.showing.remarks import gathered

NOT_VALID = "not-valid"
"""The id of the reasons."""

_WHERE = "see under Failures"


def bullet_list(sentences: Sequence[str], css: str = "remarks") -> Markup:
    return tag("ul", [tag("li", _sentence(one)) for one in sentences], class_=css) if sentences else text(None)


def _sentence(words: str) -> Content:
    """With a link to the reasons where it names their place."""
    before, where, after = words.partition(_WHERE)
    if not where:
        return prose(words)
    return [prose(before), tag("a", where, href=f"#{NOT_VALID}"), prose(after)]


def gathered_list(sentences: Sequence[str], sides: Sequence[Side], css: str = "remarks") -> list[Markup]:
    """Those that say the same once, and all of them below, but not on paper."""
    few = gathered(sentences, sides)
    if len(few) == len(sentences):
        return [bullet_list(sentences, css)] if sentences else []
    all_of_them = tag("details", tag("summary", f"All {len(sentences)}"), bullet_list(sentences, css), class_="screen")
    return [bullet_list(few, css), all_of_them]
