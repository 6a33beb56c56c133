"""The site's addresses, and /open/: how many watch in this process, and what it has open. /threaded/1/ has the stream
that the site has for WSGI alone, under ASGI too.
"""

import os

import psutil
from django.http import JsonResponse
from django.urls import path

from config.urls import urlpatterns as site
from live.news import newsroom
from live.views import events, stream


def what_is_open(_request):
    process = psutil.Process()
    counts = {"watchers": len(newsroom), "threads": process.num_threads(), "files": process.num_fds()}
    return JsonResponse({"pid": os.getpid(), **counts})


def threaded(_request, question_id):
    newsroom.listen()
    return stream(events(question_id))


urlpatterns = [path("open/", what_is_open), path("threaded/<int:question_id>/", threaded), *site]
