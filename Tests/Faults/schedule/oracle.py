"""What cron expressions come to in time zones whose clocks jump, worked out the slow way.

Walks through ten years minute by minute, as a cron daemon would live them, with Python's own
zoneinfo: an entry with `*` in the hour runs when the clock on the wall matches; any other runs
when the wall first shows a matching minute, and minutes that the wall skips are run at once
after the jump. Shares nothing with the Swift code but the zoneinfo files.

    python3 Tests/Faults/schedule/oracle.py > Tests/Faults/schedule/corpus.txt

A line is: zone, first and last year, expression, and for each year `count:digest` of the minutes
since 1970 at which it runs (FNV-1a of 32 bits over their four bytes, the low one first).
Takes a few minutes.
"""

import datetime
import sys
import zoneinfo

NAMES = {name: number for number, name in enumerate("SUN MON TUE WED THU FRI SAT".split())}
MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
NAMES.update({name: number + 1 for number, name in enumerate(MONTHS)})

ZONES = """Europe/London America/New_York Australia/Lord_Howe America/Sao_Paulo Africa/Casablanca
Asia/Kathmandu Pacific/Apia America/Havana Antarctica/Troll America/Caracas Asia/Pyongyang UTC
""".split()
FIRST, LAST = 2010, 2019

EXPRESSIONS = """
0 3 * * *|30 2 * * *|15,45 1 * * *|0 0 * * *|*/20 0-3 * * *|*/7 2 * * 0|0 * * * *|45 */2 * * *
*/30 * * * *|59 23 * * *|30 2 L * *|0 12 L-2 * *|0 9 * * MON-FRI|0 1 13 * FRI|10 2 * * SUN
0 8 1 JAN,JUL *|0 0 29 2 *|0 6 * * 5L|30 1 * * 7#5|0 2 * * 0#2|5 4 1-7 * *|5 4 */10 * 1
0 0 31 12 *|30 0 30 12 *|20 3 * 3,4,10,11 0,6|0 4 15 * 3|0 23-23 * * *|1-59/29 1,2,3 * * *
""".replace("\n", "|").strip("|").split("|")
# Every minute, where half an hour is skipped and repeated.
DENSE = {"Australia/Lord_Howe": ["*/3 1-2 * * *", "*/10 * * * *"], "Europe/London": ["* 1 * * *"]}


class Entry:
    """One expression, its fields as predicates."""

    def __init__(self, text):
        minute, hour, day, month, weekday = text.split()
        self.minutes = numbers(minute, 0, 59)
        self.hours = numbers(hour, 0, 23)
        self.months = numbers(month, 1, 12)
        self.day, self.weekday = day, weekday
        self.is_wild = hour.startswith("*")
        self.days = {}

    def on(self, date):
        if date not in self.days:
            self.days[date] = self.matches(date)
        return self.days[date]

    def matches(self, date):
        if date.month not in self.months:
            return False
        last = (date.replace(day=28) + datetime.timedelta(days=4)).replace(day=1)
        last = (last - datetime.timedelta(days=1)).day
        is_day = any(
            last - date.day == int(item[2:] or 0) if item[0] == "L" else
            date.day in numbers(item, 1, 31) for item in self.day.split(","))
        weekday = (date.weekday() + 1) % 7
        is_weekday = any(self.is_weekday(item, date.day, last, weekday)
                         for item in self.weekday.split(","))
        if self.day.startswith("*") or self.weekday.startswith("*"):
            return is_day and is_weekday
        return is_day or is_weekday

    @staticmethod
    def is_weekday(item, day, last, weekday):
        if item.endswith("L"):
            return weekday == number(item[:-1]) % 7 and day > last - 7
        if "#" in item:
            name, nth = item.split("#")
            return weekday == number(name) % 7 and (day - 1) // 7 + 1 == int(nth)
        return weekday in {each % 7 for each in numbers(item, 0, 7)}

    def runs(self, wall):
        """Whether a wall-clock minute, counted from 1970 as if in UTC, matches."""
        days, minute = divmod(wall, 1440)
        return (minute % 60 in self.minutes and minute // 60 in self.hours
                and self.on(datetime.date(1970, 1, 1) + datetime.timedelta(days=days)))


def number(text):
    return NAMES[text] if text in NAMES else int(text)


def numbers(text, least, most):
    found = set()
    for item in text.split(","):
        span, _, step = item.partition("/")
        first, _, last = span.partition("-")
        if span == "*":
            first, last = least, most
        else:
            first, last = number(first), number(last or first)
        found.update(range(first, last + 1, int(step or 1)))
    return found


def digest(minutes):
    value = 0x811C9DC5
    for minute in minutes:
        for byte in minute.to_bytes(4, "little"):
            value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


def walls(zone):
    """The minute on the wall for each minute of UTC, from a day before the first year."""
    zone = zoneinfo.ZoneInfo(zone)
    start = int(datetime.datetime(FIRST, 1, 1, tzinfo=datetime.timezone.utc).timestamp()) // 60
    end = int(datetime.datetime(LAST + 1, 1, 1, tzinfo=datetime.timezone.utc).timestamp()) // 60
    result = []
    for minute in range(start - 1440, end):
        local = datetime.datetime.fromtimestamp(minute * 60, zone)
        result.append(minute + int(local.utcoffset().total_seconds()) // 60)
    return start, result


def live(start, shown):
    """Minutes of the wall and of UTC, as (wall, UTC): all that are shown, and each one's first
    time, those that the wall skips along with the minute after."""
    every, firsts = [], []
    highest = shown[0] - 1
    for index, wall in enumerate(shown):
        minute = start - 1440 + index
        every.append((wall, minute))
        firsts.extend((each, minute) for each in range(highest + 1, wall + 1))
        highest = max(highest, wall)
    return every, firsts


def runs(entry, pairs, start):
    """The minutes of UTC at which it runs, each once."""
    times = {hour * 60 + minute for hour in entry.hours for minute in entry.minutes}
    last = None
    for wall, minute in pairs:
        if wall % 1440 in times and minute >= start and minute != last and entry.runs(wall):
            last = minute
            yield minute


def main():
    for zone in ZONES:
        start, shown = walls(zone)
        every, firsts = live(start, shown)
        for text in EXPRESSIONS + DENSE.get(zone, []):
            years = {year: [] for year in range(FIRST, LAST + 1)}
            entry = Entry(text)
            for minute in runs(entry, every if entry.is_wild else firsts, start):
                years[datetime.datetime.fromtimestamp(
                    minute * 60, datetime.timezone.utc).year].append(minute)
            parts = [f"{len(found)}:{digest(found):08x}" for found in years.values()]
            print(zone, FIRST, LAST, text, " ".join(parts), sep="|", flush=True)
        print(zone, "done", file=sys.stderr)


if __name__ == "__main__":
    main()
