"""Interleaved rounds: in each round everybody has a turn, beginning with
another one each time, so that what changes on the machine meets all alike."""
import math


def interleave(subjects, count, measure):
    """{subject: [result of each round]} of measure(subject)."""
    results = {s: [] for s in subjects}
    for number in range(count):
        turn = number % len(subjects)
        for subject in subjects[turn:] + subjects[:turn]:
            results[subject].append(measure(subject))
    return results


def in_turn(count, one, other, measure):
    """[a pair of results of each round] of measure(one, other) and measure(other, one),
    which ask both in turn: the one that begins comes off a few percent worse."""
    return [(measure(one, other), measure(other, one)) for _ in range(count)]


def throughput(result):
    return result.rate, result.versus_rate


def per_cpu_second(result):
    return (quotient(result.answers, result.cpu_seconds),
            quotient(result.versus_answers, result.versus_cpu_seconds))


def ratios_in_turn(pairs, figures=throughput):
    """one / other, round by round, whoever began."""
    return [math.sqrt(quotient(*figures(a)) / quotient(*figures(b))) for a, b in pairs]


def quotient(a, b):
    """Not a number where nothing came in the time, which table.add() leaves out."""
    return a / b if b else float("nan")


def ratios(ours, theirs):
    """Round by round."""
    return [quotient(a, b) for a, b in zip(ours, theirs)]
