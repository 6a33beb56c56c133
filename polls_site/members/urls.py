from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from . import views

app_name = "members"
urlpatterns = [
    path("home/", views.home, name="home"),
    path("home/async/", views.home_async, name="home-async"),
    path("home/login/", LoginView.as_view(template_name="members/login.html"), name="login"),
    path("home/logout/", LogoutView.as_view(), name="logout"),
]
