"""base/tz.c against Python's zoneinfo: every zone, both sides of every change of clocks from 2020 to 2050. Both read the
same files of tzdata; the code that reads them has nothing in common.
Run: TZ_DUMP=build/tests/tools/tz_dump .deps/venv/bin/python -m pytest tests/tools/test_time_zones.py
"""
import os
import subprocess
import zoneinfo
from datetime import datetime, timezone
from pathlib import Path

import pytest

DUMP = os.environ.get("TZ_DUMP", "")
FOLDER = "/usr/share/zoneinfo"
FIRST, LAST = (int(datetime(year, 1, 1, tzinfo=timezone.utc).timestamp()) for year in (2020, 2051))
STEP = 6 * 86400  # no zone changes twice within it


def offset(zone, second):
    return int(datetime.fromtimestamp(second, zone).utcoffset().total_seconds())


def moments(zone):
    """Both sides of each change, and a moment in each quarter of a year."""
    yield from range(FIRST, LAST, 91 * 86400)
    before = offset(zone, FIRST)
    for second in range(FIRST + STEP, LAST, STEP):
        after = offset(zone, second)
        if after != before:
            low, high = second - STEP, second
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(zone, middle) == before else (low, middle)
            yield from (low, high)
        before = after


@pytest.fixture
def system_zones():
    """zoneinfo on the system's files alone."""
    zoneinfo.reset_tzpath([FOLDER])
    yield
    zoneinfo.reset_tzpath()


@pytest.mark.skipif(not DUMP, reason="TZ_DUMP names no program")
def test_every_zone_changes_its_clocks_when_zoneinfo_says(system_zones):
    asked = []
    for name in sorted(zoneinfo.available_timezones()):
        if Path(FOLDER, name).exists():
            zone = zoneinfo.ZoneInfo(name)
            asked += [(name, second, second + offset(zone, second)) for second in moments(zone)]
    assert len({name for name, _, _ in asked}) > 400
    lines = "".join(f"{name} {second}\n" for name, second, _ in asked)
    got = subprocess.run([DUMP], input=lines, capture_output=True, text=True, check=True).stdout.split()
    assert len(got) == len(asked)
    wrong = [(*row, answer) for row, answer in zip(asked, got) if answer != str(row[2])]
    assert not wrong, wrong[:10]
