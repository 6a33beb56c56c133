from django.urls import path

from tests import views

urlpatterns = [path("elsewhere/", views.plain), path("plain/", views.asynchronous)]
