"""The front page: one address that shows visitors a landing page, and people who have logged in their own page.

A visitor has no session, so that for the landing page nothing is asked of the database. `/home/async/` is the same
page, written as an asynchronous view.
"""

from django.shortcuts import render

from .models import Follow


def home(request):
    if not request.user.is_authenticated:
        return landing_page(request)
    return own_page(request, request.user, list(follows_of(request.user)))


async def home_async(request):
    member = await request.auser()
    if not member.is_authenticated:
        return landing_page(request)
    return own_page(request, member, [follow async for follow in follows_of(member)])


def landing_page(request):
    return render(request, "members/landing.html")


def own_page(request, member, follows):
    return render(request, "members/own.html", {"member": member, "follows": follows})


def follows_of(member):
    return Follow.objects.filter(member=member).select_related("question")
