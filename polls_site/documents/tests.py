import asyncio
import hashlib
import io
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

import pypdf
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client, SimpleTestCase, override_settings
from django.urls import reverse
from django.utils import timezone

from .pdf import certificate, dated

MB = 2**20
CERTIFICATES = ("documents:certificate-plain", "documents:certificate-aiofiles")
UPLOADS = ("documents:upload-plain", "documents:upload-aiofiles")


def pdf(size=1000):
    return b"%PDF-1.7\n" + bytes(size - 9)


class InAFolder(SimpleTestCase):
    """With a folder of its own for documents. SimpleTestCase allows no query."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        settings = override_settings(DOCUMENTS=str(self.folder))
        settings.enable()
        self.addCleanup(settings.disable)


class Pdf(SimpleTestCase):
    def test_opens_and_has_the_date_that_was_written_into_it(self):
        moment = datetime(2026, 11, 26, 19, 30, 5, tzinfo=UTC)
        reader = pypdf.PdfReader(io.BytesIO(dated(certificate(20_000), moment)), strict=True)
        self.assertEqual(len(reader.pages), 1)
        self.assertIn("Certificate", reader.pages[0].extract_text())
        self.assertEqual(reader.metadata.modification_date, moment)
        self.assertEqual(reader.metadata.title, "Certificate")

    def test_can_be_dated_again(self):
        twice = dated(dated(certificate(1000), datetime(2026, 1, 1, tzinfo=UTC)), datetime(2026, 2, 2, tzinfo=UTC))
        reader = pypdf.PdfReader(io.BytesIO(twice), strict=True)
        self.assertEqual(reader.metadata.modification_date, datetime(2026, 2, 2, tzinfo=UTC))

    def test_is_about_as_large_as_asked(self):
        self.assertAlmostEqual(len(certificate(MB)), MB, delta=2000)

    def test_of_another_kind_is_refused(self):
        with self.assertRaisesMessage(ValueError, "no PDF with a plain trailer"):
            dated(b"%PDF-1.7\nsomething else", timezone.now())


class Certificate(InAFolder):
    def test_is_dated_with_the_moment_of_its_download(self):
        call_command("make_certificate", kb=20, stdout=io.StringIO())
        for view in CERTIFICATES:
            with self.subTest(view):
                response = self.client.get(reverse(view))
                self.assertEqual(response["Content-Type"], "application/pdf")
                self.assertEqual(response["Content-Length"], str(len(response.content)))
                reader = pypdf.PdfReader(io.BytesIO(response.content))
                self.assertLess(timezone.now() - reader.metadata.modification_date, timedelta(seconds=5))

    def test_that_is_not_made_yet_is_not_found(self):
        for view in CERTIFICATES:
            with self.subTest(view):
                self.assertEqual(self.client.get(reverse(view)).status_code, 404)

    def test_is_not_made_in_a_size_that_makes_no_sense(self):
        with self.assertRaisesMessage(CommandError, "--kb is 0: give a number from 1 to 65536."):
            call_command("make_certificate", kb=0)


class Upload(InAFolder):
    def send(self, view, content, name="a.pdf", client=None):
        fields = {"file": SimpleUploadedFile(name, content, "application/pdf")} if content is not None else {}
        return (client or self.client).post(reverse(view), fields)

    def there(self):
        """What is stored, whole or not."""
        return [path for path in self.folder.rglob("*") if path.is_file()]

    def test_is_stored_and_answered_with_its_digest(self):
        for view in UPLOADS:
            for size in (1000, 4 * MB):  # kept in memory, and in a temporary file
                with self.subTest(view, size=size):
                    response = self.send(view, pdf(size))
                    digest = hashlib.sha256(pdf(size)).hexdigest()
                    self.assertContains(response, f'data-sha256="{digest}"', status_code=201)
                    (path,) = self.there()
                    self.assertEqual(path.read_bytes(), pdf(size))
                    path.unlink()

    def test_gets_a_name_of_the_site_s_own_choosing(self):
        for view in UPLOADS:
            for name in (
                "../../evil.pdf",
                "/etc/passwd",
                "..\\evil.pdf",
                "evil\0.pdf",
                "x" * 5000,
                "%2e%2e%2fevil.pdf",
            ):
                with self.subTest(view, name=name):
                    self.assertEqual(self.send(view, pdf(), name=name).status_code, 201)
        self.assertEqual({path.parent for path in self.there()}, {self.folder / "uploads"})
        for path in self.there():
            self.assertRegex(path.name, r"^[0-9a-f]{32}\.pdf$")

    def test_that_cannot_be_taken_says_why_and_leaves_nothing(self):
        for view in UPLOADS:
            for content, status, said in (
                (None, 400, "Choose a file."),
                (b"", 400, "The file is empty."),
                (b"GIF89a", 415, "The file is not a PDF."),
                (pdf(5 * MB + 1), 413, "The file is larger than 5 MB."),
                (pdf(30 * MB), 413, "The file is larger than 5 MB."),
            ):
                with self.subTest(view, said=said):
                    response = self.send(view, content)
                    self.assertContains(
                        response, f'<p class="error" id="error" role="alert">{said}</p>', status_code=status, html=True
                    )
                    self.assertEqual(self.there(), [])

    def test_of_the_largest_size_is_taken(self):
        self.assertEqual(self.send("documents:upload-plain", pdf(5 * MB)).status_code, 201)

    def test_without_the_csrf_token_is_refused(self):
        client = Client(enforce_csrf_checks=True)
        for view in UPLOADS:
            with self.subTest(view), self.assertLogs("django.security.csrf", "WARNING"):
                self.assertEqual(self.send(view, pdf(), client=client).status_code, 403)
        self.assertEqual(self.there(), [])

    def test_with_the_csrf_token_of_the_form_is_taken(self):
        client = Client(enforce_csrf_checks=True)
        for view in UPLOADS:
            with self.subTest(view):
                token = client.get(reverse(view)).context["csrf_token"]
                fields = {"csrfmiddlewaretoken": str(token), "file": SimpleUploadedFile("a.pdf", pdf())}
                self.assertEqual(client.post(reverse(view), fields).status_code, 201)

    def test_onto_a_full_disk_leaves_no_half_of_a_file(self):
        full = OSError(28, "No space left on device")
        with mock.patch("pathlib.Path.rename", side_effect=full), self.assertRaises(OSError):
            self.send("documents:upload-plain", pdf())
        with mock.patch("aiofiles.os.rename", side_effect=full), self.assertRaises(OSError):
            self.send("documents:upload-aiofiles", pdf())
        self.assertEqual(self.there(), [])

    def test_that_is_cancelled_leaves_no_half_of_a_file(self):
        """As Django cancels an asynchronous view whose client has gone."""
        with (
            mock.patch("aiofiles.os.rename", side_effect=asyncio.CancelledError),
            self.assertRaises(asyncio.CancelledError),
        ):
            self.send("documents:upload-aiofiles", pdf())
        self.assertEqual(self.there(), [])
