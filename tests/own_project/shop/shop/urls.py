from catalog import views
from django.contrib import admin
from django.urls import path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", views.index, name="index"),
    path("busy/", views.busy, name="busy"),
    path("cached/", views.cached, name="cached"),
    path("mine/", views.mine, name="mine"),
    path("add/", views.add, name="add"),
    path("author/<int:pk>/", views.author, name="author"),
]
