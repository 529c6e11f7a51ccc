"""The register of scenarios; every module below adds its own by the decorator."""

SCENARIOS: dict = {}


def scenario(function):
    """Register `function(box)` under its own name."""
    assert function.__name__ not in SCENARIOS, function.__name__
    SCENARIOS[function.__name__] = function
    return function


def resolves(name, *args, files=None, env=None):
    """Register a configuration that both must resolve to the same list of options."""
    def run(box):
        for file, text in (files or {}).items():
            box.file(file, text)
        box.resolve(*args, env=env)
    run.__name__ = name
    scenario(run)
