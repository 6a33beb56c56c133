"""report.html: one file that needs no network and no script. A page is a list of sections, each one function."""
