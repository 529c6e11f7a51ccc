"""The guard of the option table: what is said to work is in a test. The effect is shown there; this only keeps names honest."""

import pathlib
import re

from harness import paths

# Names of a row that is proved under its other name, or that every test shows without a word.
SPELLINGS = {"config": "ini", "httprouter": "http", "workers": "processes"}
RUST_TEST = re.compile(r"(?:^|/)(?:tests|tests?|\w+_tests?)(?:/|\.rs$)")


def sources_of_tests():
    for folder in ("tests/e2e", "tests/parity"):
        for path in (paths.REPO / folder).glob("*.py"):
            yield "" if path == pathlib.Path(__file__) else path.read_text()
    for folder in ("metrics", "plugins", "pushers", "server", "snmp", "uwsgitop"):
        for path in (paths.REPO / folder).rglob("*.rs"):
            text = path.read_text()
            yield text if RUST_TEST.search(str(path.relative_to(paths.REPO))) else text.partition("#[cfg(test)]")[2]


def test_every_option_that_works_is_in_a_test():
    """As a user writes it: `--name`, or `name` at the start of a quoted text or a line of an ini file."""
    names = (paths.REPO / "server/config/src/table/works.txt").read_text().split()
    assert len(names) > 100, "the table moved: this test would prove nothing"
    text = "\n".join(sources_of_tests())

    def shown(name):
        return re.search(rf'--{re.escape(name)}(?![\w-])|(?:["\n]|\\n)[ ]*{re.escape(name)}(?:"| ?=(?!=))', text)

    assert [name for name in names if not shown(SPELLINGS.get(name, name))] == []
    assert not shown("no-such-option-anywhere")
