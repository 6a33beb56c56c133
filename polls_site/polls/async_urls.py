from django.urls import path

from . import async_views

app_name = "polls"
urlpatterns = [
    path("", async_views.index, name="index"),
    path("<int:pk>/", async_views.detail, name="detail"),
    path("<int:pk>/results/", async_views.results, name="results"),
    path("<int:question_id>/vote/", async_views.vote, name="vote"),
]
