"""report.html: one file that needs no network and no script. A page is a list of sections, and a section one function."""
