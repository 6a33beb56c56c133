from django.urls import path

from . import views

app_name = "shop"
urlpatterns = [
    path("sync/<int:visitor>/", views.front_page, name="sync"),
    path("async/<int:visitor>/", views.front_page_async, name="async"),
    path("together/<int:visitor>/", views.front_page_together, name="together"),
]
