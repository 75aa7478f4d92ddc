"""Interleaved rounds: in each round everybody has a turn, beginning with
another one each time, so that what changes on the machine meets all alike."""


def interleave(subjects, count, measure):
    """{subject: [result of each round]} of measure(subject)."""
    results = {s: [] for s in subjects}
    for number in range(count):
        turn = number % len(subjects)
        for subject in subjects[turn:] + subjects[:turn]:
            results[subject].append(measure(subject))
    return results


def quotient(a, b):
    """Not a number where nothing came in the time, which table.add() leaves out."""
    return a / b if b else float("nan")


def ratios(ours, theirs):
    """Round by round."""
    return [quotient(a, b) for a, b in zip(ours, theirs)]
