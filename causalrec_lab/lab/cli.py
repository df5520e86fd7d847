"""The command line, `causalrec`: a thin face of the library."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    name="causalrec",
    help="Run chapters and cases, build the report, look after data, judge a log of your own.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
data_app = typer.Typer(help="List, describe and fetch real data; check a table of yours.", no_args_is_help=True)
app.add_typer(data_app, name="data")

Names = Annotated[
    list[str] | None,
    typer.Argument(help="Chapters (06, treatment_effects) and cases (case_music, my_case); none: all."),
]
Seed = Annotated[int, typer.Option(help="What is drawn is the same for the same seed.")]
Profile = Annotated[str, typer.Option(help="smoke: seconds, one thread; full: what reports show.")]


@app.command()
def run(
    names: Names = None,
    profile: Profile = "full",
    parameter: Annotated[
        list[str] | None,
        typer.Option("-p", "--parameter", help="A parameter of the notebooks: -p seed=8, -p scenario=news"),
    ] = None,
    jobs: Annotated[int | None, typer.Option(help="Chapters at once; left out: two at smoke, one at full.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Run even what has not changed.")] = False,
    report: Annotated[bool, typer.Option(help="Build the report afterwards.")] = True,
) -> None:
    """Run chapters and cases, then build the report. A failed one stops no other; the exit code is then 1."""
    _log()
    from causalrec_lab.lab.run import run_notebooks

    given = dict(_pair(text) for text in parameter or [])
    statuses = _or_exit(run_notebooks, names or None, profile, given, jobs=jobs, force=force)
    if report:
        _build(profile)
    failed = [status.chapter for status in statuses if not status.ok]
    if failed:
        typer.echo(f"failed: {', '.join(failed)}", err=True)
        raise typer.Exit(1)


@app.command()
def report(profile: Profile = "full") -> None:
    """Build the report from what was run. The exit code is 1 where a chapter or case failed or was never run."""
    _log()
    _build(profile)
    from causalrec_lab.lab.project import cases, chapters
    from causalrec_lab.lab.status import ChapterStatus

    statuses = {name: ChapterStatus.read(profile, name) for name in (*chapters(), *cases())}
    if bad := [name for name, status in statuses.items() if status is None or not status.ok]:
        typer.echo(f"failed or not run: {', '.join(bad)}", err=True)
        raise typer.Exit(1)


@app.command()
def refresh(
    names: Annotated[list[str], typer.Argument(help="Chapters: 06 or the full name; 06_treatment_effects_solutions.")],
) -> None:
    """Rewrite committed notebooks after a change. They are run at smoke, and only checked cells keep their output."""
    from causalrec_lab.lab.committed import refresh as rewrite

    for path in _or_exit(rewrite, *names):
        typer.echo(f"refreshed {path.name}")


@data_app.command("list")
def data_list() -> None:
    """List the real data sets. Name, whether the files are at hand, title."""
    from causalrec_lab.lab.shelf import shelf

    for found, there in shelf():
        typer.echo(f"{found.name:18} {'at hand ' if there else 'to fetch'}  {found.title}")


@data_app.command("where")
def data_where(name: Annotated[str, typer.Argument(help="One that causalrec data list names: coat.")]) -> None:
    """Say where a data set comes from. With licence, citation, and what its files should be."""
    from causalrec_lab.data.registry import entry

    found = _or_exit(entry, name)
    for word in ("title", "official", "licence", "citation", "notes"):
        typer.echo(f"{word:9} {getattr(found, word)}")
    for file in found.files:
        typer.echo(f"{'file':9} {file.path}  {file.bytes:,} bytes  sha256 {file.sha256}\n{'':9} {file.url}")


@data_app.command("fetch")
def data_fetch(names: Annotated[list[str] | None, typer.Argument(help="Data sets; none: all.")] = None) -> None:
    """Fetch data sets. From the mirror, the cache or the network; the exit code is 1 where one cannot be had."""
    _log()
    from causalrec_lab.lab.shelf import fetch_all

    faults = _or_exit(fetch_all, names or None)
    for name, fault in faults.items():
        typer.echo(f"{name:18} {fault or 'at hand'}", err=bool(fault))
    raise typer.Exit(1 if any(faults.values()) else 0)


@data_app.command("check")
def data_check(
    path: Annotated[str, typer.Argument(help="A file, a pattern of files, or an address: postgres://user@host/shop")],
    mapping: Annotated[
        list[str] | None, typer.Option("-m", "--mapping", help="Contract name = your column: -m user_id=customer")
    ] = None,
    table: Annotated[str, typer.Option(help="events, decisions, items or users.")] = "events",
    source: Annotated[str | None, typer.Option(help="Table inside the database.")] = None,
    time_format: Annotated[str | None, typer.Option(help="Format of times given as text: %d/%m/%Y")] = None,
    time_zone: Annotated[str | None, typer.Option(help="Zone whose clocks the times show: Europe/Berlin")] = None,
) -> None:
    """Check a table of yours. Says which rows break its contract, and what that threatens; exit code 1 if any do.

    A password is taken from CAUSALREC_DB_PASSWORD, so that it stays out of the shell's history.
    """
    _log()
    from causalrec_lab.lab.inspection import inspect

    options = {"source": source, "time_format": time_format, "time_zone": time_zone}
    clean, lines = _or_exit(inspect, path, dict(_column(text) for text in mapping or []), table, **options)
    for line in lines:
        typer.echo(line)
    raise typer.Exit(0 if clean else 1)


@app.command()
def tune(
    data: Annotated[str, typer.Argument(help="A real data set with events: ml-1m, ml-100k.")],
    trials: Annotated[int, typer.Option(help="Trials in all; a study on disk goes on to this number.")] = 20,
    epochs: Annotated[int, typer.Option(help="Epochs a trial.")] = 10,
    study: Annotated[Path, typer.Option(help="SQLite file of the study.")] = Path("build/tune.db"),
    seed: Seed = 0,
) -> None:
    """Search settings of the Transformer. On validation data; kill it at any time, it goes on where it stopped."""
    _log()
    from causalrec_lab.data import load, split_leave_one_out
    from causalrec_lab.recommender import RecommenderConfig
    from causalrec_lab.recommender import tune as search

    found = _or_exit(load, data)
    if found.events is None:
        typer.echo(f"data set {data!r} has no events to train on", err=True)
        raise typer.Exit(1)
    split, base = split_leave_one_out(found.events), RecommenderConfig(epochs=epochs, seed=seed)
    best = _or_exit(search, split, trials=trials, base=base, items=found.items, study=study, seed=seed)
    typer.echo(best.trials.round(4).to_string())
    typer.echo(f"best on validation: NDCG@10 {best.value:.4f} with {best.config}")


@app.command()
def trust(
    log: Annotated[Path, typer.Argument(help="A table of decisions: CSV or Parquet.")],
    treatment: Annotated[str, typer.Option(help="Column of 0 and 1.")],
    outcome: Annotated[str, typer.Option(help="Column of numbers.")],
    covariates: Annotated[
        str | None, typer.Option(help="What was known before the decision: age,history; left out: every other column.")
    ] = None,
    text: Annotated[str | None, typer.Option(help="Column of texts.")] = None,
    estimand: Annotated[str, typer.Option(help="ATE, ATT or ATO.")] = "ATE",
    replications: Annotated[int, typer.Option(help="Logs of each platform like yours.")] = 60,
    rows: Annotated[
        int | None, typer.Option(help="Rows of each of those logs; left out: as many as yours, 4,000 at most.")
    ] = None,
    jobs: Annotated[int, typer.Option(help="Processes.")] = 2,
    seed: Seed = 0,
    progress: Annotated[bool | None, typer.Option(help="A bar; left out: on terminals only.")] = None,
    out: Annotated[Path, typer.Option(help="HTML file to write.")] = Path("trust.html"),
) -> None:
    """Say which estimator to trust on a log of yours. Each is measured on platforms made to look like it."""
    _log()
    from causalrec_lab.lab.trusting import trust_file

    named = None if covariates is None else [word.strip() for word in covariates.split(",") if word.strip()]
    lines = _or_exit(
        trust_file, log, treatment, outcome, named, out,
        text=text, estimand=estimand, replications=replications, rows=rows, jobs=jobs, seed=seed, progress=progress,
    )  # fmt: skip
    for line in lines:
        typer.echo(line)


@app.command()
def reference(
    folder: Annotated[Path | None, typer.Option(help="Where its pages go; left out: reports/reference.")] = None,
) -> None:
    """Build the reference of the public names. From their docstrings; the same as make docs."""
    from causalrec_lab.lab.project import home
    from causalrec_lab.lab.reference.build import build_reference

    def build() -> list[Path]:
        return build_reference(folder or home() / "reports" / "reference")

    typer.echo(f"open {_or_exit(build)[0]}")


@app.command()
def doctor() -> None:
    """Say what is missing for a full run, and the way out."""
    from causalrec_lab.lab.doctor import examine

    findings = examine()
    for finding in findings:
        typer.echo(
            f"{'ok  ' if finding.ok else 'MISS' if finding.needed else 'note'}  {finding.what:14} {finding.found}"
        )
        if finding.way_out:
            typer.echo(f"{'':22}-> {finding.way_out}")
    raise typer.Exit(0 if all(finding.ok or not finding.needed for finding in findings) else 1)


@app.command()
def bench(names: Annotated[list[str] | None, typer.Argument(help="Benchmarks by name; none: all.")] = None) -> None:
    """Run the benchmarks. Each prints one table and writes one JSON file."""
    from causalrec_lab.lab.bench import run_benchmarks

    failed = _or_exit(run_benchmarks, names or None)
    if failed:
        typer.echo(f"failed: {', '.join(failed)}", err=True)
        raise typer.Exit(1)


def _build(profile: str) -> None:
    from causalrec_lab.lab.report.build import build_report

    index = _or_exit(build_report, profile)
    typer.echo(f"report: {_short(index)}")


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _log() -> None:
    """Progress a line a chapter, with the time, on the error stream."""
    import logging

    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("causalrec_lab").setLevel(logging.INFO)


def _or_exit(function: Any, *arguments: Any, **options: Any) -> Any:
    """Call the library; a wrong name or a missing file is told in one line, not by a traceback."""
    try:
        return function(*arguments, **options)
    except (ValueError, OSError, ImportError, MemoryError) as error:
        typer.echo(f"causalrec: {error}", err=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt as stopped:
        typer.echo(f"causalrec: {str(stopped) or 'stopped'}", err=True)
        raise typer.Exit(130) from None


def _column(text: str) -> tuple[str, str]:
    """Contract name and your column, given as name=column."""
    name, equals, yours = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"{text!r} is not of the form name=column", param_hint="-m")
    return name, yours


def _pair(text: str) -> tuple[str, Any]:
    """Name and value of a parameter given as name=value; numbers, true, false and none are read as such."""
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"{text!r} is not of the form name=value", param_hint="-p")
    words = {"true": True, "false": False, "none": None}
    if value.lower() in words:
        return name, words[value.lower()]
    for kind in (int, float):
        try:
            return name, kind(value)
        except ValueError:
            continue
    return name, value
