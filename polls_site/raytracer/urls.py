from django.urls import path

from . import views

app_name = "raytracer"
urlpatterns = [
    path("picture/sync/", views.picture, name="sync"),
    path("picture/async/", views.picture_async, name="async"),
]
