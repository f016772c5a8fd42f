"""Running Hypothesis state machines: the same steps each time, more of them where ``SHOPCORE_TEST_EXAMPLES`` says so."""

from __future__ import annotations

import os
from collections.abc import Callable

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

EXAMPLES = int(os.environ.get("SHOPCORE_TEST_EXAMPLES", "25"))


def run(machine: Callable[[], RuleBasedStateMachine], *, steps: int, examples: int = EXAMPLES) -> None:
    """Runs ``machine`` from many beginnings; fails with the shortest way to what is wrong."""
    # With the variable set, chance: who runs it for an hour wants to see what was not seen yesterday.
    fixed = "SHOPCORE_TEST_EXAMPLES" not in os.environ
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            derandomize=fixed,
            suppress_health_check=list(HealthCheck),
        ),
    )


def finds_a_fault(machine: Callable[[], RuleBasedStateMachine], *, steps: int) -> bool:
    """Whether a run of ``machine`` fails, as it has to where a guard was taken out."""
    quick = settings(
        max_examples=max(EXAMPLES, 1000),  # it ends with the first that is found
        stateful_step_count=steps,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(machine, settings=quick)
    except AssertionError:
        return True
    return False
