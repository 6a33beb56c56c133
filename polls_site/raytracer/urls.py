from django.urls import path

from . import views

app_name = "raytracer"
urlpatterns = [
    path("sync/", views.picture, name="sync"),
    path("async/", views.picture_async, name="async"),
]
