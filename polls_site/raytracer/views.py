"""A page that computes and waits for nothing. `async` before it changes where it computes, and not how long."""

from django.http import HttpResponse

from .png import png
from .scene import HEIGHT, WIDTH, render


def picture(request):
    return HttpResponse(png(WIDTH, HEIGHT, render()), content_type="image/png")


async def picture_async(request):
    """It computes in the event loop, which answers nobody else meanwhile."""
    return HttpResponse(png(WIDTH, HEIGHT, render()), content_type="image/png")
