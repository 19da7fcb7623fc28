"""Saved runs: where they are, by the words that people name them with."""

from __future__ import annotations

import glob
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from loadproof.errors import RunError
from loadproof.result.files import write_atomically
from loadproof.result.run import RunResult

if TYPE_CHECKING:
    from collections.abc import Collection

RESULTS = Path("reports/performance")
"""Where result directories are made unless a plan says otherwise."""

HERE = Path()
"""The current folder."""

BASELINES = Path("baselines")
"""Where baselines are kept: in the working folder, to be committed."""

_DIRECTORY = re.compile(r"(?:load|stress|capacity)_test_(?P<name>.+)_(?P<at>\d{8}_\d{6})(?:_(?P<again>\d+))?")
_LATEST = "latest"


def find_run(word: str, *, results: Path = RESULTS, exclude: Collection[Path] = (), folder: Path = HERE) -> Path:
    """The one saved run that a word names.

    Args:
        word: A result directory, a ``run.json`` or another file of a run, ``latest``, ``latest:NAME``, or the name of a
            kept baseline.
        results: Folder that the latest run is looked for in.
        exclude: Result directories that are not meant by ``latest``, such as that of a run that goes on.
        folder: Where paths start, and baselines are kept below.

    Returns:
        The path of its ``run.json``.

    Raises:
        RunError: There is none (``no-run``), or the word names several (``several-runs``).
    """
    found = find_runs(word, results=results, exclude=exclude, folder=folder)
    if len(found) > 1:
        raise RunError(
            f"{word} names {len(found)} runs, and one is asked for", slug="several-runs", hint=f"such as {found[-1]}"
        )
    return found[0]


def find_runs(
    words: str, *, results: Path = RESULTS, exclude: Collection[Path] = (), folder: Path = HERE
) -> list[Path]:
    """All saved runs that a list of words names, each once, in the order in which they are named.

    Args:
        words: Words as ``find_run`` takes them, or globs of result directories or files, separated by commas.
        results: As there.
        exclude: As there.
        folder: As there.

    Returns:
        Paths of their ``run.json``, at least one; those of a glob by name, which of one test is by time.

    Raises:
        RunError: A word names none (``no-run``).
    """
    if (folder / words).exists():
        return [_file_of(folder / words)]
    named = [word.strip() for word in words.split(",") if word.strip()]
    found = [path for word in named for path in _found(word, results, exclude, folder)]
    if not found:
        raise RunError("no run is named", slug="no-run", hint="latest, or a folder of reports/performance")
    return list(dict.fromkeys(found))


def load_runs(words: str, *, results: Path = RESULTS, folder: Path = HERE) -> list[RunResult]:
    """The runs that ``find_runs`` finds.

    Raises:
        RunError: There are none, or what was found is not a run.
    """
    return [RunResult.load(path) for path in find_runs(words, results=results, folder=folder)]


def result_directories(results: Path = RESULTS, *, name: str | None = None) -> list[Path]:
    """Result directories that hold a run, oldest first; empty where there are none.

    Args:
        results: Folder that they are in.
        name: Test name; None for all.
    """
    found = []
    for path in results.iterdir() if results.is_dir() else ():
        match = _DIRECTORY.fullmatch(path.name)
        if match and (name is None or match["name"] == name) and (path / "run.json").is_file():
            found.append((match["at"], int(match["again"] or 1), path))
    return [path for _, _, path in sorted(found)]


def keep_baseline(run: Path, *, name: str | None = None, folder: Path = BASELINES) -> Path:
    """Copy a run as the baseline of its test, without what is not compared.

    Left out are the windows of single entries, which take most of the room, and the samples of failed requests, whose
    bodies are nobody's business in a repository. Of such a baseline alone, single entries cannot be compared by what
    happened within the run: it takes three runs of them, or the whole run.

    Args:
        run: Its ``run.json``.
        name: Of the baseline; None for the run's test name.
        folder: Where baselines are kept; it is made where it is missing.

    Returns:
        The file that was written; an older one of the same name is replaced.

    Raises:
        RunError: It is not a run, or not finished (``unfinished-run``), the name is none for a file, or the disk
            refused it (``baselines``).
    """
    result = RunResult.load(run)
    if not result.finished:
        raise RunError(
            f"run {result.run_id} is not finished", slug="unfinished-run", hint=f"loadproof report {run.parent}"
        )
    chosen = name or result.test_name
    if not re.fullmatch(r"[^/\\\0]+", chosen) or chosen in (".", ".."):
        raise RunError(f"{chosen!r} is no name for a file", slug="baselines", hint="choose another with --name")
    document = json.loads(run.read_text(encoding="utf-8"))
    document["record"]["entry_windows"] = []
    document["failures"] = []
    path = folder / f"{chosen}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(document, ensure_ascii=False, separators=(",", ":")))
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror or error}", slug="baselines") from error
    return path


def kept_baselines(folder: Path = BASELINES) -> list[Path]:
    """Files of the folder, by name; empty where there is none."""
    return sorted(folder.glob("*.json"))


def _found(word: str, results: Path, exclude: Collection[Path], folder: Path) -> list[Path]:
    if word == _LATEST or word.startswith(f"{_LATEST}:"):
        return [_latest(word.partition(":")[2] or None, results, exclude)]
    path = folder / word
    if path.exists():
        return [_file_of(path)]
    if glob.has_magic(word):
        matches = [Path(match) for match in sorted(glob.glob(str(path)))]  # noqa: PTH207 - the pattern may be absolute
        runs = [match / "run.json" if match.is_dir() else match for match in matches]
        found = [run for run in runs if run.is_file() and run.suffix == ".json"]
        if found:
            return found
    kept = folder / BASELINES / f"{word}.json"
    if kept.is_file():
        return [kept]
    raise RunError(f"there is no run {word}", slug="no-run", hint=_hint(results))


def _file_of(path: Path) -> Path:
    """The file of a run; what is in it is read later."""
    if path.is_dir():
        if not (path / "run.json").is_file():
            raise RunError(f"there is no run.json in {path}", slug="no-run", hint="name one result directory")
        return path / "run.json"
    return path


def _latest(name: str | None, results: Path, exclude: Collection[Path]) -> Path:
    left_out = {path.resolve() for path in exclude}
    runs = [path for path in result_directories(results, name=name) if path.resolve() not in left_out]
    if runs:
        return runs[-1] / "run.json"
    whose = "" if name is None else f" of {name}"
    raise RunError(f"there is no run{whose} in {results}", slug="no-run", hint=_hint(results))


def _hint(results: Path) -> str:
    """Names of tests that there are runs of."""
    matches = [_DIRECTORY.fullmatch(path.name) for path in result_directories(results)]
    names = sorted({match["name"] for match in matches if match is not None})
    if not names:
        return "run a test first, or name its folder with --results"
    return "there are runs of " + ", ".join(names[:5]) + (" and others" if len(names) > 5 else "")
