"""Cron expressions against the library inside CronJob, and what is said about those that can't be read."""

from __future__ import annotations

import random
import zoneinfo
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from testkit.gotools import cronjob_times
from webaudit_operator.cron import LONGEST_REPEAT, BadSchedule, Cron, parse

Window = tuple[str, str, datetime, datetime]
DAY = timedelta(days=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def fired(cron: Cron, begin: datetime, end: datetime) -> list[datetime]:
    found = []
    for moment in cron.following(begin):
        if moment > end:
            break
        found.append(moment)
    return found


GRAMMAR = (
    *("* * * * *", "*/7 * * * *", "0 * * * *", "5/10 * * * *", "10-20 * * * *", "10-50/13 * * * *", "1,2,59 * * * *"),
    *("0-4,30-34 */6 * * *", "00 006 * * *", "? ? ? ? ?", "0 0 ? * MON", "*/1 */12 */1 * *", "15 3,*/8 * * *"),
    *(
        "0 9 * * 1-5",
        "0 9 * * mon-fri",
        "0 9 * * MON,WED,Fri",
        "0 9 * * 0",
        "0 9 * * sun",
        "0 9 * * 5-6",
        "0 9 * * */2",
    ),
    *("0 9 1 * *", "0 9 1,15 * *", "0 9 31 * *", "0 9 29 * *", "0 9 */10 * *", "0 9 28-31 * *", "0 9 2/9 * *"),
    *("0 9 1 jan *", "0 9 1 JAN-MAR *", "0 9 1 1/4 *", "0 9 1 */5 *", "0 9 30 2,4 *", "0 9 31 4-5 *", "0 9 29 2 *"),
    # Both day fields: either is enough, unless one of them is a star, also in a list; a thinned one is not.
    *("0 9 13 * 5", "0 9 1 * 1", "0 9 */2 * 1", "0 9 * * 1", "0 9 1 * *", "0 9 1,* * 1", "0 9 1 * 1,*", "0 9 ? * 3"),
    *("0 9 1-31 * 3", "0 9 15 * 0-6", "0 9 */1 * 3", "0 9 1 * */1", "0 9 10-12 6 tue"),
    *("@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"),
)
PLACES = {
    # zone: a moment within a day of which its clocks change, or another thing of note
    "Europe/Berlin": ("2026-03-29", "2026-10-25"),
    "Europe/London": ("2026-03-29", "2026-10-25"),
    "Europe/Dublin": ("2026-03-29", "2026-10-25"),  # winter time is the one that is saved
    "America/New_York": ("2026-03-08", "2026-11-01"),
    "America/Sao_Paulo": ("2018-11-05", "2019-02-16"),  # no longer changes
    "America/Santiago": ("2026-04-05", "2026-09-07"),
    "America/Nuuk": ("2026-03-28", "2026-10-25"),
    "Australia/Sydney": ("2026-04-04", "2026-10-03"),
    "Africa/Casablanca": ("2026-02-15", "2026-03-22"),  # back for Ramadan
    "Africa/Cairo": ("2026-10-29",),
    "Pacific/Apia": ("2011-12-29", "2021-04-03"),  # a day that never was
    "Pacific/Chatham": ("2026-04-04", "2026-09-26"),  # by 45 minutes off
    "Pacific/Kiritimati": ("2026-01-01",),
    "Asia/Kathmandu": ("2026-01-01", "2026-07-01"),
    "Asia/Kolkata": ("2026-01-01",),
    "Asia/Tehran": ("2022-09-21", "2026-03-21"),
    "America/St_Johns": ("2026-03-08", "2026-11-01"),
    "Antarctica/Troll": ("2026-03-29", "2026-10-25"),  # two hours at once
}
AT_CHANGES = ("30 2 * * *", "0 * * * *", "*/20 0-4 * * *", "0 1,3 * * *")
ENDS = {
    "asked in an hour that is repeated": ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:45:00", "2026-10-27T00:00:00"),
    "asked as it is repeated": ("0,30 2 * * *", "Europe/Berlin", "2026-10-25T01:10:00", "2026-10-27T00:00:00"),
    "asked before half an hour is repeated": (
        "45 1 * * *",
        "Australia/Sydney",
        "2026-04-04T15:50:00",
        "2026-04-07T00:00:00",
    ),
    "leap day": ("0 12 29 2 *", "UTC", "2023-01-01", "2033-01-01"),
    "leap day in a zone": ("30 0 29 2 *", "Pacific/Auckland", "2023-01-01", "2033-01-01"),
    "no leap day in 2100": ("0 12 29 2 *", "UTC", "2096-03-01", "2100-12-31"),
    "last of February": ("0 0 28,29 2 *", "Asia/Tokyo", "2024-02-01", "2029-03-01"),
    "year end": ("59 23 31 12 *", "UTC", "2025-06-01", "2031-06-01"),
    "year end in a zone": ("59 23 31 12 *", "Pacific/Kiritimati", "2025-06-01", "2031-06-01"),
    "new year": ("0 0 1 1 *", "America/Los_Angeles", "2025-06-01", "2031-06-01"),
    "over the year's end": ("*/30 * * * *", "Asia/Kathmandu", "2025-12-31", "2026-01-02"),
    "a week over the year's end": ("0 6 * * 1-5", "Europe/Berlin", "2025-12-25", "2026-01-08"),
    "weekly for a year": ("0 6 * * 0", "Europe/Berlin", "2026-01-01", "2027-01-01"),
    "monthly for ten years": ("15 5 31 * *", "America/Denver", "2026-01-01", "2036-01-01"),
    "Friday the 13th and every other": ("0 0 13 * 5", "Europe/Berlin", "2026-01-01", "2027-01-01"),
}


def table() -> dict[str, Window]:
    rows: dict[str, Window] = {}
    for schedule in GRAMMAR:
        days = 3 if schedule.endswith(("* * *", "? ? ?")) else 400
        rows[f"{schedule} in UTC"] = (schedule, "UTC", utc("2026-01-30T11:59:30"), utc("2026-01-30") + days * DAY)
    for zone, days_of_note in PLACES.items():
        for day in days_of_note:
            for schedule in AT_CHANGES:
                rows[f"{schedule} in {zone} around {day}"] = (schedule, zone, utc(day) - 2 * DAY, utc(day) + 3 * DAY)
    for name, (schedule, zone, begin, end) in ENDS.items():
        rows[name] = (schedule, zone, utc(begin), utc(end))
    return rows


TABLE = table()


@cache
def answers() -> dict[str, list[datetime] | str]:
    return dict(zip(TABLE, cronjob_times(list(TABLE.values())), strict=True))


def test_the_table_is_long_enough_to_mean_something() -> None:
    assert len(TABLE) >= 150


@pytest.mark.binaries
@pytest.mark.parametrize("row", TABLE)
def test_it_fires_when_cronjob_would(row: str) -> None:
    schedule, zone, begin, end = TABLE[row]
    assert fired(parse(schedule, zone), begin, end) == answers()[row]


def matches(cron: Cron, moment: datetime) -> bool:
    """What a schedule means, word by word: whether the zone's clocks show a time that fits."""
    local = moment.astimezone(cron.zone)
    shown = (local.minute, local.hour, local.day, local.month, local.isoweekday() % 7)
    fields = cron.plain.split()
    minute, hour, day, month, weekday = (
        field == "*" or value in map(int, field.split(",")) for field, value in zip(fields, shown, strict=True)
    )
    on_day = day and weekday if "*" in (fields[2], fields[4]) else day or weekday
    return minute and hour and on_day and month


def every(cron: Cron, begin: datetime, end: datetime) -> list[datetime]:
    minutes = int((end - begin).total_seconds()) // 60
    return [at for n in range(1, minutes + 1) if matches(cron, at := begin + timedelta(minutes=n))]


DECADE = (utc("2026-01-01"), utc("2036-01-01"))


@cache
def changes() -> dict[tuple[tuple[datetime, timedelta, timedelta], ...], str]:
    """Every way in which some zone's clocks change in ten years, and one zone that does so."""
    found: dict[tuple[tuple[datetime, timedelta, timedelta], ...], str] = {}
    for name in sorted(zoneinfo.available_timezones()):
        zone = zoneinfo.ZoneInfo(name)
        moments = []
        at, end = DECADE
        while at < end:
            if at.astimezone(zone).utcoffset() != (at + DAY).astimezone(zone).utcoffset():
                low, high = at, at + DAY
                while high - low > timedelta(minutes=1):
                    middle = low + (high - low) // 2
                    early = middle.astimezone(zone).utcoffset() == at.astimezone(zone).utcoffset()
                    low, high = (middle, high) if early else (low, middle)
                change = high.replace(second=0, microsecond=0)
                before, after = (at.astimezone(zone).utcoffset() for at in (change - timedelta(minutes=1), change))
                assert before is not None
                assert after is not None
                moments.append((change, before, after))
            at += DAY
        if moments:
            found.setdefault(tuple(moments), name)
    return found


def is_told_wrongly_by_cronjob(zone: str, change: datetime, before: timedelta, after: timedelta) -> bool:
    """Where robfig/cron loses its way: it steps by whole hours, and looks for midnight to begin a day.

    So it misses times after a change by half an hour, and times of a day that begins late.
    """
    half = (after - before) % timedelta(hours=1)
    midnight = {0, 23} & {(change + offset).hour for offset in (before, after)}
    return bool(half or midnight)


@pytest.mark.binaries
def test_at_every_change_of_any_zones_clocks_in_ten_years_it_fires_when_cronjob_would() -> None:
    schedules = ("*/30 * * * *", "15 0-4,22,23 * * *", "0 3 * * *")
    rows = [
        (schedule, zone, change - timedelta(hours=8), change + timedelta(hours=20))
        for rule, zone in changes().items()
        for change, before, after in rule
        if not is_told_wrongly_by_cronjob(zone, change, before, after)
        for schedule in schedules
    ]
    assert len(rows) > 1000
    for row, theirs in zip(rows, cronjob_times(rows), strict=True):
        schedule, zone, begin, end = row
        assert fired(parse(schedule, zone), begin, end) == theirs, row


def test_at_the_changes_that_cronjob_tells_wrongly_it_fires_whenever_the_clocks_show_the_time() -> None:
    seen = set()
    for rule, zone in changes().items():
        for change, before, after in rule[:4]:
            if is_told_wrongly_by_cronjob(zone, change, before, after):
                seen.add(zone)
                for schedule in ("*/30 * * * *", "15 0-4 * * *", "0 0 * * *", "45 23 * * *"):
                    cron = parse(schedule, zone)
                    begin, end = change - timedelta(hours=8), change + timedelta(hours=20)
                    assert fired(cron, begin, end) == every(cron, begin, end), (schedule, zone, change)
    assert {"Australia/LHI", "Asia/Beirut"} <= seen


@pytest.mark.binaries
def test_of_any_expression_it_thinks_as_cronjob_does_or_is_stricter() -> None:
    dice = random.Random(4)
    bounds = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))

    def number(low: int, high: int) -> str:
        return str(dice.choice([low, high, dice.randint(low, high), high + 1 if dice.random() < 0.1 else low]))

    def item(low: int, high: int) -> str:
        span = dice.choice(["*", "?", number(low, high), f"{number(low, high)}-{number(low, high)}"])
        return span + dice.choice(["", "", "", "/1", "/2", f"/{number(0, 9)}"])

    def field(low: int, high: int) -> str:
        return ",".join(item(low, high) for _ in range(dice.choice([1, 1, 2])))

    rows = []
    for _ in range(600):
        begin = utc("2026-01-01") + dice.random() * 3000 * DAY
        expression = " ".join(field(*bound) for bound in bounds)
        rows.append((expression, "Europe/Berlin", begin, begin + timedelta(days=2)))
    read = 0
    for (expression, zone, begin, end), theirs in zip(rows, cronjob_times(rows), strict=True):
        try:
            ours: list[datetime] | str = fired(parse(expression, zone), begin, end)
            read += 1
        except BadSchedule as bad:
            ours = str(bad)
            assert isinstance(theirs, str) or " is in no month of " in ours, (expression, ours)
            continue
        assert ours == theirs, (expression, begin)
    assert read > 120


STRICTER = ("1,,2 * * * *", ", * * * *", "*-5 * * * *", "+5 * * * *", "@every 1h", "0 0 30 2 *")


@pytest.mark.binaries
def test_what_cronjob_lets_through_and_nobody_means_is_refused() -> None:
    rows = [(schedule, "UTC", *DECADE) for schedule in STRICTER]
    for schedule, theirs in zip(STRICTER, cronjob_times([(s, z, b, b + DAY) for s, z, b, _ in rows]), strict=True):
        assert isinstance(theirs, list), schedule
        with pytest.raises(BadSchedule):
            parse(schedule)


@pytest.mark.parametrize(
    ("schedule", "zone", "said"),
    [
        ("0 25 * * *", None, "schedule, hour, at character 3: 25 is not within 0-23"),
        ("0 6 * * 7", None, "schedule, day of week, at character 9: 7 is not within 0-6; Sunday is 0"),
        ("0 6 * foo *", None, 'schedule, month, at character 7: "foo" is not a number or JAN-DEC'),
        ("0 6 * * 1,x", None, 'schedule, day of week, at character 11: "x" is not a number or SUN-SAT'),
        ("5-1 6 * * *", None, "schedule, minute, at character 1: 5-1 runs backwards; write two ranges, separated by"),
        ("0 8-25 * * *", None, "schedule, hour, at character 5: 25 is not within 0-23"),
        ("*/0 * * * *", None, 'schedule, minute, at character 3: "0" is not a step; write a number from 1, as in */5'),
        ("*/ * * * *", None, 'schedule, minute, at character 3: "" is not a step; write a number from 1, as in */5'),
        ("1, * * * *", None, "schedule, minute, at character 3: is empty here; write a number, a range such as 1-5"),
        ("1-2-3 * * * *", None, 'schedule, minute, at character 3: "2-3" is not a number'),
        ("0 6 30 2 *", None, 'schedule, day of month, at character 5: "30" is in no month of "2"'),
        ("0 6 * *", None, 'schedule: "0 6 * *" has 4 of 5 fields; write minute, hour, day of month, month'),
        ("0 0 6 * * *", None, 'schedule: "0 0 6 * * *" has 6 of 5 fields; write minute, hour, day of month'),
        ("@dayly", None, 'schedule: "@dayly" is not a macro; did you mean @daily?'),
        ("TZ=UTC 0 6 * * *", None, 'schedule: "TZ=" does not belong here; write the zone into spec.timeZone'),
        ("0 6 * * *", "Europe/Berlino", 'timeZone: "Europe/Berlino" is not in the time zone database; did you mean '),
        ("0 6 * * *", "Local", 'timeZone: "Local" is not in the time zone database'),
        ("0 6 * * *", "../../etc/passwd", 'timeZone: "../../etc/passwd" is not in the time zone database'),
        ("0 6 * * *", "Europe", 'timeZone: "Europe" is not in the time zone database'),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said_with_its_place(schedule: str, zone: str | None, said: str) -> None:
    with pytest.raises(BadSchedule) as bad:
        parse(schedule, zone)
    assert str(bad.value).startswith(said)


@pytest.mark.parametrize("text", ["", " ", "@", "*" * 300, "* * * * * *\n", "\x00 * * * *", "٣ * * * *", "1e3 * * * *"])
def test_nothing_makes_it_crash(text: str) -> None:
    with pytest.raises(BadSchedule):
        parse(text)


ANY = [("*/20 * * * *", "Europe/Berlin"), ("30 2 * * *", "Europe/Berlin"), ("0 0 1 * *", "UTC"), ("0 0 29 2 *", "UTC")]


@pytest.mark.parametrize(("schedule", "zone"), ANY)
def test_the_latest_is_the_last_of_all(schedule: str, zone: str) -> None:
    cron = parse(schedule, zone)
    for until in (utc("2026-10-25T00:45:00"), utc("2026-10-25T01:20:30"), utc("2026-03-29T01:00:00")):
        for span in (timedelta(minutes=1), timedelta(hours=3), 40 * DAY, 2000 * DAY):
            whole = fired(cron, until - span, until) if span < 1000 * DAY or "*/20" not in schedule else None
            latest = cron.latest(until, after=until - span)
            if whole is not None:
                assert latest == (whole[-1] if whole else None)
                assert cron.count(until - span, until, most=10**6) == sum(at < until for at in whole)
    assert cron.count(utc("2026-01-01"), utc("2027-01-01"), most=3) <= 3


def test_no_zone_has_ever_repeated_more_than_is_allowed_for() -> None:
    for name in ("Pacific/Apia", "America/Juneau", "Asia/Manila", "Pacific/Kwajalein"):
        zone = zoneinfo.ZoneInfo(name)
        at = utc("1840-01-01")
        while at < utc("2037-01-01"):
            here, later = at.astimezone(zone).utcoffset(), (at + 7 * DAY).astimezone(zone).utcoffset()
            assert here is not None
            assert later is not None
            assert here - later < LONGEST_REPEAT
            at += 7 * DAY
