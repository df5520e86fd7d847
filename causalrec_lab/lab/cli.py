"""The command line: `causalrec run | report | refresh | data | doctor | bench`, a thin face of the library."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(
    name="causalrec",
    help="Run the chapters, build the report, look after the data.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _main() -> None:
    """Run the chapters, build the report, look after the data."""


@app.command()
def refresh(
    names: Annotated[list[str], typer.Argument(help="Chapters: 06, treatment_effects, or the full name.")],
) -> None:
    """Run chapters at smoke and rewrite their committed notebooks (only checked cells keep their output)."""
    from causalrec_lab.lab.refresh import refresh as run

    for path in run(*names):
        typer.echo(f"refreshed {path.name}")
