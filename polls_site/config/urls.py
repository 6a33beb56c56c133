from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="polls:index")),
    path("polls/", include("polls.async_urls" if settings.VIEWS == "async" else "polls.urls")),
    *(path("", include(f"{app}.urls")) for app in settings.BESIDE),
    path("admin/", admin.site.urls),
]
