"""A plan on its way to the process of the load."""

from bench.load.plan import Plan


def test_a_plan_arrives_as_it_left() -> None:
    """Written and read, a plan is what it was."""
    plan = Plan("query", 8000, "token", "{ a }", 16, 3.0, 42, {"first": 20}, {"least_bytes": 1})
    assert Plan.read(plan.text()) == plan
    assert plan.total == 0.5 + 3 + 2
