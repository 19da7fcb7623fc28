"""``[profiles.NAME]``, ``--rate`` and ``--stages`` -> ``Profile``: the shapes of load, as people write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from loadproof.plan import values
from loadproof.plan.model import FOREVER, Profile, Stage
from loadproof.plan.values import BadValueError, Table, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from loadproof.errors import Problem
    from loadproof.plan.files import PlanFile

_SLUG = "bad-profile"
_SHAPES = ("constant", "ramp", "stages", "spike", "soak")
_OPEN_KEYS = ("arrivals", "start_users", "max_users", "late")
_NOTHING = Target(0, per_second=None)
_HINT = 'write "50/s" for arrivals and 50 for users, everywhere in a profile alike'

Piece = tuple[float | None, Target, Target]
"""Duration, None for one without an end, and the targets at its start and end."""


def read_profiles(raw: object, file: PlanFile, problems: list[Problem]) -> dict[str, Profile | None]:
    """Every profile of the file; None where something is wrong with it.

    Args:
        raw: The table ``profiles``; None where the file has none.
        file: The file, for places.
        problems: What is wrong is added here.
    """
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        problems.append(BadValueError(f"must be a table, and is {values.kind(raw)}").problem(file.where("profiles")))
        return {}
    read: dict[str, Profile | None] = {}
    for name, table in cast("dict[str, object]", raw).items():
        where = file.where(f"profiles.{name}")
        keys = Table(table, where, problems)
        read[name] = read_profile(keys, where, problems) if isinstance(table, dict) else None
        if isinstance(table, dict):
            keys.finish()
    return read


def read_profile(table: Table, where: str, problems: list[Problem]) -> Profile | None:
    """The profile that a table holds, among other keys perhaps; None where something is wrong with it.

    Args:
        table: The table; the keys of the profile are asked for.
        where: Where it stands.
        problems: What is wrong is added here.
    """
    before = len(problems)
    shape = table.take("shape", _shape)
    if "shape" not in table:
        shape = "stages" if "stages" in table else "constant"
    pieces: list[Piece] = []
    if shape is not None:
        pieces = _READERS[shape](_Keys(table, problems))
    fields: dict[str, Any] = {
        "arrivals": table.take("arrivals", values.arrivals),
        "seed": table.take("seed", values.seed),
        "start_users": table.take("start_users", values.users),
        "max_users": table.take("max_users", values.users),
        "late": table.take("late", values.late),
    }
    if len(problems) > before:
        return None
    given = {key: value for key, value in fields.items() if value is not None}
    try:
        profile = profile_of(pieces)
        check_pool(given)
    except BadValueError as error:
        problems.append(error.problem(where))
        return None
    if profile.model == "closed" and (odd := [key for key in _OPEN_KEYS if key in given]):
        what = f"counts users, and {', '.join(odd)} {'says' if len(odd) == 1 else 'say'} how arrivals are served"
        problems.append(BadValueError(what, _HINT, slug=_SLUG).problem(where))
        return None
    return profile.model_copy(update=given)


def constant(rate: float) -> Profile:
    """Arrivals at one rate without an end; ``--rate``."""
    return Profile(model="open", stages=(Stage(duration=None, start=rate, end=rate),))


def stages(raw: object) -> Profile:
    """The profile of a list of stages, or of a text with commas: ``30s:50,2m:50,30s:0``.

    Each stage goes in a straight line from the last target, at first 0, to its own. One of no duration is a jump, one
    that lasts ``forever`` is the last one and holds its own target.

    Raises:
        BadValueError: It is no such list; ``bad-profile`` where the stages make no profile together.
    """
    return profile_of(_stages(raw))


def profile_of(pieces: Sequence[Piece]) -> Profile:
    """Put pieces together.

    Raises:
        BadValueError: ``bad-profile``: they mix users and arrivals, never ask for load, or never last.
    """
    targets = [target for _, start, end in pieces for target in (start, end)]
    units = {target.per_second for target in targets} - {None}
    if len(units) > 1:
        raise BadValueError("mixes users and arrivals per second", _HINT, slug=_SLUG)
    lasting = [Stage(duration=d, start=start.value, end=end.value) for d, start, end in pieces if d is None or d > 0]
    if not any(stage.start or stage.end for stage in lasting):
        raise BadValueError("never asks for any load", "a stage must last, and have a target above 0", slug=_SLUG)
    return Profile(model="open" if units == {True} else "closed", stages=tuple(lasting))


def check_pool(fields: Mapping[str, Any]) -> None:
    """Refuse a pool that starts larger than it may become.

    Raises:
        BadValueError: ``bad-profile``.
    """
    start, most = fields.get("start_users"), fields.get("max_users")
    if start is not None and most is not None and start > most:
        raise BadValueError(f"starts {start} users, more than max_users = {most}", slug=_SLUG)


def cut(profile: Profile, seconds: float) -> Profile:
    """The profile up to a time after its start, above zero; itself where it ends before."""
    kept: list[Stage] = []
    left = seconds
    for stage in profile.stages:
        if left <= 0:
            break
        if stage.duration is None or stage.duration > left:
            share = 0.0 if stage.duration is None else left / stage.duration
            end = stage.start + (stage.end - stage.start) * share
            kept.append(Stage(duration=left, start=stage.start, end=end))
            break
        kept.append(stage)
        left -= stage.duration
    return profile.model_copy(update={"stages": tuple(kept)})


class _Keys:
    """The keys of one shape; where one is missing that it needs, that is a problem."""

    def __init__(self, table: Table, problems: list[Problem]) -> None:
        self._table = table
        self._problems = problems

    def target(self, key: str, default: Target | None = None) -> Target:
        """Users or arrivals."""
        value = self._table.take(key, values.target)
        if value is None and default is None:
            self.need(key)
        return value or default or _NOTHING

    def seconds(self, key: str, default: float | None = None) -> float:
        """A duration."""
        value = self._table.take(key, values.duration)
        if value is None and default is None:
            self.need(key)
        return value if value is not None else default or 0.0

    def lasting(self, key: str, default: float | None) -> float | None:
        """A duration, perhaps ``forever``: None."""
        value = self._table.take(key, _perhaps_forever)
        return default if value is None else value[0]

    def stages(self) -> list[Piece]:
        """The list of stages."""
        self.need("stages")
        return self._table.take("stages", _stages) or []

    def need(self, key: str) -> None:
        """Say so where a key is missing."""
        if key not in self._table:
            hint = f"the shapes are {', '.join(_SHAPES)}" if key == "target" else None
            self._problems.append(BadValueError("is missing", hint, slug=_SLUG).problem(self._table.where(key)))


def _constant(keys: _Keys) -> list[Piece]:
    target = keys.target("target")
    return [(keys.lasting("duration", None), target, target)]


def _ramp(keys: _Keys) -> list[Piece]:
    start, end = keys.target("from", _NOTHING), keys.target("to")
    return [(keys.seconds("duration"), start, end), (keys.lasting("hold", 0.0), end, end)]


def _spike(keys: _Keys) -> list[Piece]:
    base, peak = keys.target("base"), keys.target("peak")
    before, rise, hold = keys.seconds("before"), keys.seconds("rise", 1.0), keys.seconds("hold")
    after = keys.seconds("after")
    return [(before, base, base), (rise, base, peak), (hold, peak, peak), (rise, peak, base), (after, base, base)]


def _soak(keys: _Keys) -> list[Piece]:
    target, rise = keys.target("target"), keys.seconds("rise")
    duration, fall = keys.seconds("duration"), keys.seconds("fall", rise)
    return [(rise, _NOTHING, target), (duration, target, target), (fall, target, _NOTHING)]


_READERS: dict[str, Callable[[_Keys], list[Piece]]] = {
    "constant": _constant,
    "ramp": _ramp,
    "stages": _Keys.stages,
    "spike": _spike,
    "soak": _soak,
}


def _shape(raw: object) -> str:
    if isinstance(raw, str) and raw.strip() in _SHAPES:
        return raw.strip()
    hint = values.did_you_mean(raw if isinstance(raw, str) else "", _SHAPES, listed="shapes")
    raise BadValueError(f"there is no shape {values.shown(raw)}", hint)


def _perhaps_forever(raw: object) -> tuple[float | None]:
    """One duration; in a tuple, as None alone would mean that there was none."""
    if isinstance(raw, str) and raw.strip() == FOREVER:
        return (None,)
    return (values.duration(raw),)


def _stages(raw: object) -> list[Piece]:
    words = raw.split(",") if isinstance(raw, str) else values.texts(raw)
    pieces: list[Piece] = []
    last = _NOTHING
    for word in words:
        duration, target = _stage(word)
        pieces.append((duration, target if duration is None else last, target))
        last = target
    if not pieces:
        raise BadValueError("has no stages", 'write ["30s:50", "2m:50"]')
    if any(duration is None for duration, _, _ in pieces[:-1]):
        raise BadValueError(f"only the last stage can last {FOREVER}", slug=_SLUG)
    return pieces


def _stage(word: str) -> tuple[float | None, Target]:
    duration, colon, target = word.strip().rpartition(":")
    if not colon:
        raise BadValueError(f"{values.shown(word)} is not a stage", "write DURATION:TARGET, such as 30s:50 or 30s:50/s")
    return _perhaps_forever(duration)[0], values.target(target.strip())
