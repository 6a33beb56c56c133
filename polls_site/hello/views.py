"""The least that a page of this site can be: one template, no database. A synchronous and an asynchronous view."""

from django.shortcuts import render


def page(request, visitor):
    return render(request, "hello/page.html", {"visitor": visitor})


async def page_async(request, visitor):
    return render(request, "hello/page.html", {"visitor": visitor})
