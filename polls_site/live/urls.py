from django.urls import path

from . import views

app_name = "live"
urlpatterns = [
    path("live/<int:question_id>/", views.page, name="page"),
    path("live/sync/<int:question_id>/", views.results, name="sync"),
    path("live/async/<int:question_id>/", views.results_async, name="async"),
]
