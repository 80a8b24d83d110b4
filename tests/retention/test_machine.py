"""Whatever happens in whatever order: what is kept can be restored, and only the lifecycle deletes."""

from __future__ import annotations

import itertools

import pytest

from tests.retention.machine import RetentionMachine
from tests.retention.mutants import MUTANTS, mutated
from tests.retention.soak import run_machine, seeded

STEPS = 2_500
"""For each of the four runs, which can go side by side: 10,000 in all. `make soak` goes on for long."""
SEEDS, EXAMPLES = (103, 102, 100, *range(2, 12)), 60
"""For the bugs: one after the other, until the bug is found. Most of them find most of the bugs alone."""
FIRST = {
    "partial counts as complete": 100,
    "the newest complete one may go": 100,
    "the parent may go": 100,
    "condemned since the beginning": 102,
    "nobody looks whether the index leads there again": 102,
    "what is erased may be built on": 102,
}
"""Which seed is asked first, where another one takes long. This saves time only: the others follow."""


@pytest.mark.parametrize("number", range(4))
def test_everything_kept_is_there_after_every_step(number: int) -> None:
    """Backups, crashes, collections, holds, lost tables, wrong clocks: see the machine's rules."""
    steps = 0
    for seed in itertools.count(number, 4):
        machine = seeded(RetentionMachine, seed)
        run_machine(machine, 8, steps=50)
        steps += machine.steps
        if steps >= STEPS:
            return


@pytest.mark.parametrize("name", MUTANTS)
def test_the_machine_finds_a_bug_that_was_put_in(name: str) -> None:
    """Under one of the seeds. That it finds none otherwise is the test above."""
    with mutated(name), pytest.raises(AssertionError):
        hunt(FIRST.get(name, SEEDS[0]))


def hunt(first: int) -> None:
    """Run the machine under one seed after the other. Raises what it finds."""
    for seed in dict.fromkeys((first, *SEEDS)):
        run_machine(seeded(RetentionMachine, seed), EXAMPLES, steps=30)
