from django.urls import path

from . import views

app_name = "documents"
urlpatterns = [
    path("certificate/plain/", views.certificate, name="certificate-plain"),
    path("certificate/aiofiles/", views.certificate_aiofiles, name="certificate-aiofiles"),
    path("upload/plain/", views.upload, name="upload-plain"),
    path("upload/aiofiles/", views.upload_aiofiles, name="upload-aiofiles"),
]
