"""bench/RESULTS.md and the plot, from the CSV files of bench/results/."""
import collections
import os
import subprocess

from . import contestants, place, table

RESULTS = os.path.join(place.BENCH, "results")
LANE = "mod_playcount (lane)"
OURS = (LANE, "mod_playcount (event)", "mod_playcount (worker)")
NO_PEERS = OURS + ("floor (event)", "floor (worker)", "static file (event)")


def head(path):
    """{word: text} of the comments that begin the file."""
    found = {}
    with open(path) as f:
        for line in f:
            if not line.startswith("# "):
                break
            word, text = line[2:].rstrip("\n").split(": ", 1)
            found[word] = text
    return found


def by_case(rows):
    """{case: {subject: {measure: row}}}, in order."""
    cases = collections.OrderedDict()
    for row in rows:
        cases.setdefault(row.case, collections.OrderedDict()).setdefault(
            row.subject, {})[row.measure] = row
    return cases


def spread(row, form="%s (%s – %s)"):
    return form % tuple(table.figure(v) for v in (row.median, row.low, row.high))


def taken_with(path):
    words = head(path)
    return ["Taken on %(date)s at revision %(revision)s, %(rounds)s: %(machine)s." % words,
            "", "Versions: %(versions)s." % words, ""]


def bench_tables(rows):
    lines = []
    for section in collections.OrderedDict((r.section, 1) for r in rows):
        lines += ["### " + section[0].upper() + section[1:], "",
                  "| case | of | figure | median (least – greatest) | goal | |",
                  "|---|---|---|---|---|---|"]
        for r in (r for r in rows if r.section == section):
            verdict = {True: "met", False: "**not met**", None: ""}[table.met(r)]
            lines.append("| %s | %s | %s, %s | %s | %s | %s |" % (
                r.case, r.subject, r.measure, r.unit, spread(r), r.goal, verdict))
        lines.append("")
    return lines


def peer_tables(cases):
    lines = []
    for case, subjects in cases.items():
        first = next(iter(subjects.values()))
        if "speed" not in first:
            lines += ["### " + case, "", "| | bytes per song | MB in all |", "|---|---|---|"]
            for subject, measures in subjects.items():
                lines.append("| %s | %s | %s |" % (
                    subject, table.figure(measures["memory per song"].median),
                    table.figure(measures["memory in all"].median)))
            lines.append("")
            continue
        lines += ["### " + case, "",
                  "| | %s | ratio to %s | CPU s per million | p99 ms | failed in a round |" % (
                      first["speed"].unit, first["ratio"].unit[3:]),
                  "|---|---|---|---|---|---|"]
        for subject, measures in subjects.items():
            failed = table.figure(measures["failed"].median)
            kept = measures.get("idle connections kept")
            if kept:
                failed += " (%s idle kept)" % table.figure(kept.median)
            lines.append("| %s | %s | %s | %s | %s | %s |" % (
                subject, table.figure(measures["speed"].median), spread(measures["ratio"]),
                table.figure(measures["CPU"].median) if "CPU" in measures else "",
                table.figure(measures["p99"].median), failed))
        lines.append("")
    return lines


def faster(cases, ours_are):
    """A sentence for each work in which a peer is faster than these of ours."""
    lines = []
    for case, subjects in cases.items():
        if "speed" not in next(iter(subjects.values())):
            continue
        ours = {s: subjects[s]["speed"].median for s in ours_are if s in subjects}
        if not ours:
            continue
        for peer, measures in subjects.items():
            if peer in NO_PEERS:
                continue
            times = {s: measures["speed"].median / v for s, v in ours.items() if v}
            if max(times.values(), default=0) > 1:
                lines.append("- %s: **%s** does %s." % (case, peer, ", ".join(
                    "%.2f × what %s does" % (t, s) for s, t in times.items())))
    return lines or ["- nowhere in this run."]


def write():
    lines = ["# Results of the benchmarks", "",
             "Written by `make bench` and `make bench-peers`; docs/benchmarks.md says what they do.",
             "Ratios hold from machine to machine, the figures behind them do not.", ""]
    path = os.path.join(RESULTS, "bench.csv")
    if os.path.exists(path):
        lines += ["## mod_playcount against its limits", ""] + taken_with(path)
        lines += bench_tables(table.read(path))
    path = os.path.join(RESULTS, "peers.csv")
    if os.path.exists(path):
        cases = by_case(table.read(path))
        lines += ["## mod_playcount and its peers", ""] + taken_with(path)
        lines += ["![ratios](results/peers.svg)", "", "### Where a peer is faster", "",
                  "Than mod_playcount with `PlaycountLane On`:", ""]
        lines += faster(cases, [LANE]) + ["", "Than without the lane:", ""]
        lines += faster(cases, [o for o in OURS if o != LANE]) + ["", "### What to know", "", contestants.NOTES, ""]
        lines += peer_tables(cases)
    with open(os.path.join(place.BENCH, "RESULTS.md"), "w") as f:
        f.write("\n".join(lines).rstrip() + "\n")


def plot(source, target):
    """One panel of bars for each work: the ratios, on a logarithmic scale."""
    cases = {case: [(s, m["ratio"]) for s, m in subjects.items() if "ratio" in m]
             for case, subjects in by_case(table.read(source)).items()}
    cases = {case: bars for case, bars in cases.items() if bars}
    if not cases:
        return
    columns = 3
    deep = -(-len(cases) // columns)
    text = ["set terminal svg size %d,%d font 'sans,10' background 'white'" % (
                columns * 420, deep * 240),
            "set output '%s'" % target,
            "set multiplot layout %d,%d" % (deep, columns),
            "set logscale x", "set xrange [0.01:100]", "set grid xtics",
            "set xtics (0.01, 0.1, 1, 10, 100)", "set style fill solid 0.8 noborder",
            "set lmargin 22", "unset key"]
    for n, (case, bars) in enumerate(cases.items()):
        text.append("$data%d << EOD" % n)
        for y, (subject, row) in enumerate(reversed(bars)):
            colour = 0xc0392b if subject in OURS else \
                0x7f8c8d if subject in NO_PEERS else 0x2980b9
            text.append('"%s" %d %g %g %g %d' % (
                subject.replace("_", "\\\\_"), y, row.median, row.low, row.high, colour))
        text += ["EOD", "set title \"%s\\n{/*0.8 ratio to %s}\"" % (
                     case, bars[0][1].unit[3:]),
                 "set yrange [-0.6:%d.6]" % (len(bars) - 1),
                 "plot $data%d using 3:2:(0.01):3:($2-0.35):($2+0.35):6:ytic(1) "
                 "with boxxyerror lc rgb variable, "
                 "$data%d using 3:2:4:5 with xerrorbars lc rgb 'black' pt 7 ps 0.3" % (n, n)]
    text.append("unset multiplot")
    subprocess.run(["gnuplot"], input="\n".join(text), text=True, check=True)
