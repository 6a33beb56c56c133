from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("members.urls")),
    path("polls/", include("polls.urls")),
    path("", include("documents.urls")),
    path("hello/", include("hello.urls")),
    path("picture/", include("raytracer.urls")),
    path("shop/", include("shop.urls")),
    path("admin/", admin.site.urls),
]
