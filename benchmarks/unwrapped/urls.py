"""The polls site's, and the readiness URL that a run asks for."""

from django.db import connection
from django.http import JsonResponse
from django.urls import path

from config.urls import urlpatterns as polls


def ready(request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"ready": True, "db": "pool", "debug": False})


urlpatterns = [*polls, path("unwrapped/ready/", ready)]
