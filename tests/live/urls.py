"""The site's addresses, and /open/: how many watch in this process, and what it has open."""

import os

import psutil
from django.http import JsonResponse
from django.urls import path

from config.urls import urlpatterns as site
from live.news import newsroom


def what_is_open(_request):
    process = psutil.Process()
    counts = {"watchers": len(newsroom), "threads": process.num_threads(), "files": process.num_fds()}
    return JsonResponse({"pid": os.getpid(), **counts})


urlpatterns = [path("open/", what_is_open), *site]
