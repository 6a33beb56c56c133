"""Files on their way out and in: each view as plain file I/O, and with aiofiles, which lets threads do the same."""

import contextlib
import hashlib
import uuid
from pathlib import Path

import aiofiles
import aiofiles.os
from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from .pdf import dated
from .uploads import LimitedSize

NOT_MADE = "There is no certificate yet: `manage.py make_certificate` makes one."


@require_safe
def certificate(request):
    """The certificate, dated with the moment of its download."""
    try:
        pdf = certificate_path().read_bytes()
    except FileNotFoundError:
        raise Http404(NOT_MADE) from None
    return download(pdf)


@require_safe
async def certificate_aiofiles(request):
    try:
        async with aiofiles.open(certificate_path(), "rb") as file:
            pdf = await file.read()
    except FileNotFoundError:
        raise Http404(NOT_MADE) from None
    return download(pdf)


def certificate_path():
    return Path(settings.DOCUMENTS) / "certificate.pdf"


def download(pdf):
    headers = {"Content-Disposition": 'attachment; filename="certificate.pdf"'}
    return HttpResponse(dated(pdf, timezone.now()), content_type="application/pdf", headers=headers)


def upload(request):
    """A form that takes a PDF. The file is stored whole, under a name of our own choosing, or not at all."""
    if request.method != "POST":
        return form(request)
    if refusal := what_is_wrong(request):
        return form(request, *refusal)
    digest, (draft, target) = hashlib.sha256(), new_place()
    with removed_unless_whole(draft):
        with draft.open("xb") as file:
            for chunk in request.FILES["file"].chunks():
                digest.update(chunk)
                file.write(chunk)
        draft.rename(target)
    return stored(request, digest)


async def upload_aiofiles(request):
    if request.method != "POST":
        return form(request)
    if refusal := what_is_wrong(request):
        return form(request, *refusal)
    digest, (draft, target) = hashlib.sha256(), new_place()
    with removed_unless_whole(draft):
        async with aiofiles.open(draft, "xb") as file:
            for chunk in request.FILES["file"].chunks():
                digest.update(chunk)
                await file.write(chunk)
        await aiofiles.os.rename(draft, target)
    return stored(request, digest)


def what_is_wrong(request):
    """A sentence and a status, or None. The name that a browser gives a file, and the type, are not asked for."""
    file = request.FILES.get("file")
    if any(isinstance(handler, LimitedSize) and handler.exceeded for handler in request.upload_handlers):
        return f"The file is larger than {settings.UPLOAD_MAX_BYTES / 2**20:g} MB.", 413
    if file is None:
        return "Choose a file.", 400
    if file.size == 0:
        return "The file is empty.", 400
    beginning = file.read(5)
    file.seek(0)
    if beginning != b"%PDF-":
        return "The file is not a PDF.", 415
    return None


def new_place():
    """Where a file is written to, and where it is once it is whole."""
    folder = Path(settings.DOCUMENTS) / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    name = uuid.uuid4().hex
    return folder / f"{name}.part", folder / f"{name}.pdf"


@contextlib.contextmanager
def removed_unless_whole(draft):
    """Whatever ends the upload, a full disk or a client that is gone, leaves no half of a file behind."""
    try:
        yield
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def form(request, error=None, status=200):
    return render(request, "documents/upload.html", {"error": error}, status=status)


def stored(request, digest):
    return render(request, "documents/stored.html", {"sha256": digest.hexdigest()}, status=201)
