"""Cron expressions as CronJob reads them, and the moments they mean in a time zone. Pure; no resource is known here.

The grammar is that of github.com/robfig/cron's ParseStandard, which CronJob uses; cronsim walks the calendar.
"""

from __future__ import annotations

import difflib
import heapq
import re
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice

from cronsim import CronSim, CronSimError

MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
DEFAULT_ZONE = "Etc/UTC"
LONGEST_REPEAT = timedelta(hours=26)
"""More than any zone has ever set its clocks back at once."""


class BadSchedule(ValueError):
    """The expression or the zone can't be read; the message names the place and what to write instead."""


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    least: int
    most: int
    names: tuple[str, ...] = ()

    def number(self, text: str, at: int) -> int:
        if text.lower() in self.names:
            return self.names.index(text.lower()) + self.least
        if not re.fullmatch(r"[0-9]+", text):
            known = f" or {self.names[0].upper()}-{self.names[-1].upper()}" if self.names else ""
            raise _bad(self, at, f'"{text}" is not a number{known}')
        value = int(text)
        if not self.least <= value <= self.most:
            sunday = "; Sunday is 0" if self.names and self.least == 0 and value == 7 else ""
            raise _bad(self, at, f"{value} is not within {self.least}-{self.most}{sunday}")
        return value


FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")),
    _Field("day of week", 0, 6, ("sun", "mon", "tue", "wed", "thu", "fri", "sat")),
)


@dataclass(frozen=True, slots=True)
class Cron:
    """A schedule in a zone. All moments are aware and UTC; all are whole minutes."""

    plain: str
    """Every field as `*` or a list of numbers: what remains is calendar arithmetic."""
    zone: zoneinfo.ZoneInfo

    def following(self, after: datetime) -> Iterator[datetime]:
        """Every moment later than `after` at which the zone's clocks show a time that fits, in order.

        So a local time that is skipped does not run, and one that is shown twice runs twice: as CronJob does
        (https://github.com/kubernetes/kubernetes/issues/121594).
        """
        start = min(self._local(after), self._local(after + LONGEST_REPEAT) - LONGEST_REPEAT)
        found: list[datetime] = []
        for local in CronSim(self.plain, start):
            moments = self._moments(local)
            while found and moments and found[0] <= moments[0]:
                yield heapq.heappop(found)
            for moment in moments:
                if moment > after and moment not in found:
                    heapq.heappush(found, moment)
        while found:
            yield heapq.heappop(found)

    def latest(self, until: datetime, *, after: datetime) -> datetime | None:
        """The last moment later than `after` and not later than `until`."""
        return _latest(self, until, after)

    def next(self, after: datetime) -> datetime | None:
        """The first moment later than `after`."""
        return _next(self, after)

    def count(self, after: datetime, until: datetime, *, most: int) -> int:
        """How many moments lie after `after` and before `until`; at most `most` are counted."""
        found = 0
        for moment in islice(self.following(after), most):
            if moment >= until:
                break
            found += 1
        return found

    def _local(self, moment: datetime) -> datetime:
        return moment.astimezone(self.zone).replace(tzinfo=None)

    def _moments(self, local: datetime) -> list[datetime]:
        """When the zone's clocks show this: once, never, or twice."""
        both = (local.replace(tzinfo=self.zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        return list(dict.fromkeys(moment for moment in both if self._local(moment) == local))


# All targets of a schedule, and many schedules, ask the same at the same moment.
@lru_cache(maxsize=4096)
def _latest(cron: Cron, until: datetime, after: datetime) -> datetime | None:
    span = timedelta(hours=2)
    while True:
        begin = max(after, until - span)
        last = None
        for moment in cron.following(begin):
            if moment > until:
                break
            last = moment
        if last is not None or begin == after:
            return last
        span *= 12


@lru_cache(maxsize=4096)
def _next(cron: Cron, after: datetime) -> datetime | None:
    return next(cron.following(after), None)


@lru_cache(maxsize=4096)
def parse(expression: str, zone: str | None = None) -> Cron:
    """Raises BadSchedule."""
    return Cron(_plain(expression), _zone(zone or DEFAULT_ZONE))


def _plain(expression: str) -> str:
    text = expression.strip()
    if re.match(r"(CRON_)?TZ=", text):
        raise BadSchedule('schedule: "TZ=" does not belong here; write the zone into spec.timeZone')
    if text.startswith("@"):
        if text in MACROS:
            return MACROS[text]
        near = difflib.get_close_matches(text.lower(), MACROS, 1)
        hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(MACROS)}"
        raise BadSchedule(f'schedule: "{text}" is not a macro{hint}')
    words = [(match.start() + 1, match[0]) for match in re.finditer(r"\S+", expression)]
    if len(words) != len(FIELDS):
        raise BadSchedule(
            f'schedule: "{text}" has {len(words)} of 5 fields; write minute, hour, day of month, month, day of week'
        )
    read = [_field(field, word, at) for field, (at, word) in zip(FIELDS, words, strict=True)]
    plain = " ".join(read)
    try:
        CronSim(plain, datetime(2000, 1, 1))
    except CronSimError:
        raise _bad(FIELDS[2], words[2][0], f'"{words[2][1]}" is in no month of "{words[3][1]}"') from None
    return plain


def _field(field: _Field, word: str, at: int) -> str:
    """`*` when the field says nothing, else its numbers.

    A star that is thinned out (`*/2`) counts as numbers: then the two day fields are joined by "or".
    """
    starred, values = False, set[int]()
    for item in word.split(","):
        open_end, some = _item(field, item, at)
        starred = starred or open_end
        values.update(some)
        at += len(item) + 1
    return "*" if starred else ",".join(map(str, sorted(values)))


def _item(field: _Field, item: str, at: int) -> tuple[bool, range]:
    if not item:
        raise _bad(field, at, "is empty here; write a number, a range such as 1-5, or *")
    span, slash, step_text = item.partition("/")
    first, dash, last = span.partition("-")
    step = 1
    if slash:
        if not re.fullmatch(r"0*[1-9][0-9]*", step_text):
            raise _bad(field, at + len(span) + 1, f'"{step_text}" is not a step; write a number from 1, as in */5')
        step = int(step_text)
    if span in ("*", "?"):
        return step == 1, range(field.least, field.most + 1, step)
    low = field.number(first, at)
    alone = field.most if slash else low  # "5/10" is open to the end
    high = field.number(last, at + len(first) + 1) if dash else alone
    if low > high:
        raise _bad(field, at, f"{span} runs backwards; write two ranges, separated by a comma")
    return False, range(low, high + 1, step)


def _bad(field: _Field, at: int, what: str) -> BadSchedule:
    return BadSchedule(f"schedule, {field.name}, at character {at}: {what}")


def _zone(name: str) -> zoneinfo.ZoneInfo:
    try:
        if name != "Local":
            return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        pass
    near = difflib.get_close_matches(name, sorted(zoneinfo.available_timezones()), 1)
    hint = f"; did you mean {near[0]}?" if near else "; write a name such as Europe/Berlin"
    raise BadSchedule(f'timeZone: "{name}" is not in the time zone database{hint}')
