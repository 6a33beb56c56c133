from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from .ready import ready

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="polls:index")),
    path("polls/", include("polls.urls")),
    path("admin/", admin.site.urls),
    path("ready/", ready, name="ready"),
]
