from django.urls import path

from . import views

app_name = "hello"
urlpatterns = [
    path("hello/sync/<int:visitor>/", views.page, name="sync"),
    path("hello/async/<int:visitor>/", views.page_async, name="async"),
]
