"""The site with the asynchronous views of the polls."""

from django.urls import include, path

from config.urls import urlpatterns as of_site

urlpatterns = [path("polls/", include("polls.async_urls")), *of_site]
