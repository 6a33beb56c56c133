"""A Django site in one file: settings, address, form, template and view. People sign up, a row each in a CSV file.

    python signup.py runserver
    gunicorn signup:wsgi        uvicorn signup:asgi

SIGNUP_CSV names the file (signups.csv beside this one), SIGNUP_SECRET_KEY Django's SECRET_KEY, and SIGNUP_DEBUG=0
switches DEBUG off.
"""

import csv
import errno
import fcntl
import io
import os
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path

from django import forms
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.management import execute_from_command_line
from django.core.wsgi import get_wsgi_application
from django.shortcuts import redirect, render
from django.urls import path

SIGNUPS = Path(os.environ.get("SIGNUP_CSV") or Path(__file__).with_name("signups.csv"))

PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>{% if thanks %}Thank you{% else %}Sign up{% endif %}</title>
</head>
<body style="max-width: 30rem; margin: 3rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif">
{% if thanks %}
<h1 data-page="thanks">Thank you</h1>
<p>We will write to you when there is news. <a href="/">Sign somebody else up</a>.</p>
{% else %}
<h1 data-page="form">Sign up</h1>
<form method="post">
  {% csrf_token %}
  {{ form.as_p }}
  <p><button>Sign up</button></p>
</form>
{% endif %}
</body>
</html>
"""

settings.configure(
    DEBUG=os.environ.get("SIGNUP_DEBUG", "1") == "1",
    SECRET_KEY=os.environ.get("SIGNUP_SECRET_KEY") or secrets.token_urlsafe(50),
    ALLOWED_HOSTS=["127.0.0.1", "localhost", "nginx"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {"loaders": [("django.template.loaders.locmem.Loader", {"page.html": PAGE})]},
        }
    ],
)


class SignUp(forms.Form):
    email = forms.EmailField(label="E-mail address", max_length=254)
    name = forms.CharField(max_length=100, required=False)
    wish = forms.CharField(max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 4}))


def sign_up(request):
    form = SignUp(request.POST or None)
    if not form.is_valid():
        return render(request, "page.html", {"form": form})
    append([datetime.now(UTC).isoformat(), *form.cleaned_data.values()])
    # A redirect after a POST, so that going back or reloading does not sign up twice.
    return redirect("thanks")


def thanks(request):
    return render(request, "page.html", {"thanks": True})


def append(row):
    """Write a row whole: under a lock that other threads and processes wait for, quoted so that it stays one row."""
    line = io.StringIO(newline="")
    csv.writer(line).writerow(row)
    data = line.getvalue().encode()
    with SIGNUPS.open("ab", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # until the file is closed
        before = file.seek(0, os.SEEK_END)
        try:
            if file.write(data) < len(data):
                raise OSError(errno.ENOSPC, "The disk is full", str(SIGNUPS))
        except OSError:
            file.truncate(before)  # half a row would spoil the next one
            raise


urlpatterns = [path("", sign_up, name="sign-up"), path("thanks/", thanks, name="thanks")]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
else:
    wsgi, asgi = get_wsgi_application(), get_asgi_application()
