"""What a feature costs: two requests of one server, on and off, asked in turn, some
milliseconds each. At full load the answers are compared, at half load what processor
time the server takes for them."""
from . import place, table
from .load import load
from .rounds import in_turn, per_cpu_second, ratios_in_turn

ROUNDS, SECONDS = place.rounds(7, 2), place.seconds(1.0, 0.4)


def on_and_off(room, case, server, on, off, connections, slot_ms, goal):
    """`connections` of them ask, `slot_ms` each request at a time."""
    seconds = SECONDS if connections > 1 else 2 * SECONDS

    def measure(slot, **options):
        return in_turn(ROUNDS, on, off, lambda one, other: load(
            server.port, one, versus=other, slot_ms=slot, server=server,
            connections=connections, seconds=seconds, **options))

    full = measure(slot_ms)
    table.add(room, case, "on / off", "throughput", "ratio",
              ratios_in_turn(full), goal)
    rate = max(1, int(sorted(s.versus_rate for s, _ in full)[len(full) // 2] / 2))
    half = measure(max(slot_ms, 1000 // rate), rate=rate)
    table.add(room, case, "on / off, half load", "requests per CPU s", "ratio",
              ratios_in_turn(half, per_cpu_second), goal)
    failed = sum(s.failed for pair in full + half for s in pair)
    if failed:
        table.add(room, case, "on / off", "failed", "requests", [failed])
