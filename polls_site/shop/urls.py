from django.urls import path

from . import views

app_name = "shop"
urlpatterns = [
    path("shop/sync/<int:visitor>/", views.front_page, name="sync"),
    path("shop/async/<int:visitor>/", views.front_page_async, name="async"),
    path("shop/together/<int:visitor>/", views.front_page_together, name="together"),
]
