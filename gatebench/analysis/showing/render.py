"""Shows a report: in the terminal with rich, and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import rich.box
import rich.table
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from gatebench.analysis.showing.report import Section
from gatebench.analysis.showing.text_tables import Table

PIPE_WIDTH = 160
"""Columns of output that is not a terminal's: nothing is folded that a grep would look for."""


def markdown(title: str, sections: Sequence[Section]) -> str:
    return f"# {title}\n\n" + "\n\n".join(block for section in sections for block in _markdown_section(section)) + "\n"


def _markdown_section(section: Section) -> Iterator[str]:
    yield f"## {section.title}"
    if section.intro:
        yield _escaped(section.intro)
    for title, table in section.tables:
        if title:
            yield f"### {title}"
        yield markdown_table(table)
    if section.remarks:
        yield "\n".join(f"- {_escaped(remark)}" for remark in section.remarks)
    for chart in section.charts:
        yield f"![{chart.stem.replace('-', ' ')}]({chart.as_posix()})"


def markdown_table(table: Table) -> str:
    lines = [table.header, ["---" if n < table.text_columns else "---:" for n in range(len(table.header))], *table.rows]
    return "\n".join("| " + " | ".join(_escaped(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def _escaped(text: str) -> str:
    """Between backquotes nothing is markup."""
    parts = text.split("`")
    parts[::2] = [part.replace("*", "\\*").replace("<", "&lt;") for part in parts[::2]]
    return "`".join(parts)


def console() -> Console:
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=PIPE_WIDTH)


def show(sections: Sequence[Section], to: Console) -> None:
    for section in sections:
        to.print(Text(f"\n{section.title}", style="bold"))
        if section.intro:
            to.print(Text(section.intro, style="" if section.title == "The answer" else "dim"))
        for title, table in section.tables:
            if title:
                to.print(Text(f"\n{title}"))
            for part in _fitting(table, to.width):
                to.print(_rich_table(part))
        for remark in section.remarks:
            to.print(Padding(Text(remark), (0, 0, 0, 2)))


def _fitting(table: Table, width: int) -> Iterator[Table]:
    """The table, or where it is wider than the terminal, parts of it with the text columns repeated."""
    widths = [max(len(row[n]) for row in [table.header, *table.rows]) + 2 for n in range(len(table.header))]
    fixed = sum(widths[: table.text_columns])
    part: list[int] = []
    for column in range(table.text_columns, len(widths)):
        if part and fixed + sum(widths[n] for n in part) + widths[column] > width:
            yield _columns(table, part)
            part = []
        part.append(column)
    yield _columns(table, part)


def _columns(table: Table, chosen: list[int]) -> Table:
    keep = [*range(table.text_columns), *chosen]
    rows = [[row[n] for n in keep] for row in table.rows]
    return Table([table.header[n] for n in keep], rows, table.text_columns)


def _rich_table(table: Table) -> rich.table.Table:
    shown = rich.table.Table(box=rich.box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for n, name in enumerate(table.header):
        is_text = n < table.text_columns
        shown.add_column(Text(name), justify="left" if is_text else "right", no_wrap=not is_text, overflow="fold")
    for row in table.rows:
        shown.add_row(*(Text(cell) for cell in row))
    return shown
