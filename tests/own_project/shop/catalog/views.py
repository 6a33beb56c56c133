from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import get_object_or_404, redirect

from .models import Author


def index(request):
    return HttpResponse("<br>".join(Author.objects.order_by("-id").values_list("name", flat=True)[:20]))


def author(request, pk):
    return HttpResponse(get_object_or_404(Author, pk=pk).name)


def busy(request):
    return HttpResponse(status=429)


def cached(request):
    raise ConnectionError("Error 111 connecting to localhost:6379.")


@login_required
def mine(request):
    return HttpResponse(f"hello {request.user.username}")


@login_required
def add(request):
    """An empty name shows the form again, as forms do."""
    if request.POST.get("name"):
        Author.objects.create(name=request.POST["name"])
        return redirect("index")
    token = get_token(request)
    return HttpResponse(
        f'<form method="post"><input name="csrfmiddlewaretoken" value="{token}"><input name="name"></form>'
    )
