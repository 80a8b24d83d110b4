"""Runs the machine for long: `make soak`, `make soak STEPS=100000`. Each round has a seed of its own, and says so."""

from __future__ import annotations

import os
import sys
import time

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.retention.machine import RetentionMachine

STEPS = 1_000_000
_EXAMPLES = 50
_STEPS_AN_EXAMPLE = 40


def run_machine(machine: type[RetentionMachine], examples: int, *, steps: int, shrink: bool = False) -> None:
    """Run a machine; the class says by its seed which examples. Raises the first failure."""
    phases = [Phase.generate, Phase.shrink] if shrink else [Phase.generate]
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            phases=phases,
            deadline=None,
            database=None,
            derandomize=False,
            report_multiple_bugs=False,
            print_blob=False,
            suppress_health_check=list(HealthCheck),
        ),
    )


def seeded(machine: type[RetentionMachine], number: int) -> type[RetentionMachine]:
    """Give the machine with a seed: the same examples each time, and a count of its own."""
    return seed(number)(type(machine.__name__, (machine,), {"steps": 0}))


def main() -> None:
    """Go on until the steps are done, and say how far it has come."""
    wanted, first = int(os.environ.get("STEPS") or STEPS), int(os.environ.get("SEED") or 0)
    began, number = time.monotonic(), first
    done = 0
    while done < wanted:
        machine = seeded(RetentionMachine, number)
        run_machine(machine, _EXAMPLES, steps=_STEPS_AN_EXAMPLE, shrink=True)
        done += machine.steps
        number += 1
        minutes = (time.monotonic() - began) / 60
        sys.stdout.write(f"{done:,} of {wanted:,} steps, seeds {first} to {number - 1}, {minutes:.1f} minutes\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
