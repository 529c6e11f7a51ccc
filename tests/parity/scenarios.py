"""The register of scenarios; every module below adds its own by the decorator."""

SCENARIOS: dict = {}


def scenario(function):
    """Register `function(box)` under its own name."""
    assert function.__name__ not in SCENARIOS, function.__name__
    SCENARIOS[function.__name__] = function
    return function
