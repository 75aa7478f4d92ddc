"""Results: one line of CSV per figure, and tables of them.

Every benchmark adds its lines to the file that BENCH_CSV names. A line is

    section,case,subject,measure,unit,median,low,high,rounds,goal

`section` and `case` say what was done, `subject` to whom, `measure` and `unit`
what the figures are; `low` and `high` are the least and the greatest of the
rounds. `goal` may be empty, or an operator and a number: ">= 0.97".
"""
import collections
import csv
import os
import statistics
import sys

Row = collections.namedtuple(
    "Row", "section case subject measure unit median low high rounds goal")


def figure(value):
    """A number as text, with four digits that count."""
    if value != value:
        return "-"
    if abs(value) >= 1000:
        return "{:,.0f}".format(value)
    return "%.4g" % value


def add(section, case, subject, measure, unit, values, goal="", quiet=False):
    """Keep the median and the spread of the rounds' values."""
    values = [v for v in values if v == v]
    if not values:
        return
    row = Row(section, case, subject, measure, unit, statistics.median(values),
              min(values), max(values), len(values), goal)
    path = os.environ.get("BENCH_CSV")
    if path:
        with open(path, "a", newline="") as f:
            csv.writer(f).writerow(row)
    if not quiet:
        print(line(row))
        sys.stdout.flush()


def met(row):
    """Whether the median meets the goal; None without one."""
    if not row.goal:
        return None
    operator, number = row.goal.split()
    wanted = float(number.replace(",", ""))
    return row.median >= wanted if operator == ">=" else row.median <= wanted


def line(row):
    text = "%-34s %-22s %-24s %10s %-10s (%s … %s)" % (
        row.case, row.subject, row.measure, figure(row.median), row.unit,
        figure(row.low), figure(row.high))
    if row.goal:
        text += "  goal %s: %s" % (row.goal, "met" if met(row) else "not met")
    return text


def read(path):
    with open(path, newline="") as f:
        return [Row(*r[:5], float(r[5]), float(r[6]), float(r[7]), int(r[8]), r[9])
                for r in csv.reader(f) if r and not r[0].startswith("#")]
