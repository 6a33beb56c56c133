"""The little of PDF that a certificate needs: one to begin with, and a date written into it on its way out."""

import random
import re


def certificate(size):
    """A page with a line of text and a grey pattern that makes the file about `size` bytes large."""
    rows = max(1, size // 256)
    pattern = random.Random(0).randbytes(256 * rows)
    page = b"BT /F1 24 Tf 72 720 Td (Certificate) Tj ET q 256 0 0 256 72 400 cm /Im1 Do Q"
    return assembled(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> /XObject << /Im1 6 0 R >> >> >>",
        stream(b"", page),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        stream(
            b"/Type /XObject /Subtype /Image /Width 256 /Height %d /ColorSpace /DeviceGray /BitsPerComponent 8 " % rows,
            pattern,
        ),
        b"<< /Title (Certificate) >>",
    )


def stream(entries, data):
    return b"<< %b/Length %d >>\nstream\n%b\nendstream" % (entries, len(data), data)


def assembled(*objects):
    """A file of these objects, numbered from 1: the catalogue is the first of them, and the metadata the last."""
    parts, places, place = [b"%PDF-1.7\n"], [], 9
    for number, entries in enumerate(objects, start=1):
        places.append(place)
        parts.append(b"%d 0 obj\n%b\nendobj\n" % (number, entries))
        place += len(parts[-1])
    table = b"0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % at for at in places)
    size = len(objects) + 1
    parts.append(
        b"xref\n0 %d\n%btrailer\n<< /Size %d /Root 1 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (size, table, size, len(objects), place)
    )
    return b"".join(parts)


TRAILER = re.compile(
    rb"trailer\s*<<.*/Size (?P<size>\d+).*/Root (?P<root>\d+) 0 R.*/Info (?P<info>\d+) 0 R.*>>"
    rb"\s*startxref\s*(?P<table>\d+)\s*%%EOF\s*$",
    re.DOTALL,
)


def dated(pdf, moment):
    """The file with a moment (in UTC) as the date of its last change.

    PDF allows this: new metadata and a table with their place are put behind the file, and what was there stays as it
    is. Raises ValueError for a file without the plain trailer that `assembled` writes.
    """
    found = TRAILER.search(pdf, max(0, len(pdf) - 1024))
    if found is None:
        raise ValueError("The certificate is no PDF with a plain trailer.")
    info, size, root, before = (found[name] for name in ("info", "size", "root", "table"))
    date = moment.strftime("%Y%m%d%H%M%SZ").encode()
    metadata = b"%b 0 obj\n<< /Title (Certificate) /ModDate (D:%b) >>\nendobj\n" % (info, date)
    table = b"xref\n%b 1\n%010d 00000 n \n" % (info, len(pdf))
    trailer = b"trailer\n<< /Size %b /Root %b 0 R /Info %b 0 R /Prev %b >>\n" % (size, root, info, before)
    end = b"startxref\n%d\n%%%%EOF\n" % (len(pdf) + len(metadata))
    return b"".join((pdf, metadata, table, trailer, end))
