"""A shop's front page, which asks two internal services before it is rendered: three ways to write it, side by side.

What a service does not give is left out, and the page says so.
"""

import asyncio

from django.shortcuts import render

from . import services


def front_page(request, visitor):
    """Synchronous: one service after the other."""
    return rendered(request, visitor, [services.ask(request, name, visitor) for name in services.NAMES])


async def front_page_async(request, visitor):
    """Asynchronous, and still one after the other: each `await` waits for its answer before the next is asked."""
    async with services.client_for(request) as client:
        return rendered(
            request, visitor, [await services.ask_async(client, request, name, visitor) for name in services.NAMES]
        )


async def front_page_together(request, visitor):
    """Asynchronous: both are asked at once, and waited for together."""
    async with services.client_for(request) as client:
        asked = [services.ask_async(client, request, name, visitor) for name in services.NAMES]
        return rendered(request, visitor, await asyncio.gather(*asked))


def rendered(request, visitor, answers):
    sections = dict(zip(services.NAMES, answers, strict=True))
    missing = [name for name, items in sections.items() if items is None]
    return render(request, "shop/front.html", {"visitor": visitor, "missing": missing, **sections})
