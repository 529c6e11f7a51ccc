"""Made-up XML and YAML files against the original: both read the same options in the same order.

The files are drawn from what the original can read: it crashes on elements without text of their own, takes a
comment for a value, and its YAML reader knows plain lines only. A seed that fails is named; run it alone with -k.
"""

import random
from xml.sax.saxutils import escape, quoteattr

import pytest

from corpus.cases import Case

from .test_corpus_lists import LEFT, RIGHT, resolved

SEEDS = range(40)
WORDS = ["socket", "a b", ":3031", "x=y", "  padded ", "<&>\"'", "50%% off", "%(zz-1)", "$(HOME)x", "é", "//c", "a # b", "/p/%n", "1"]


def keys(rng: random.Random) -> str:
    return rng.choice(["zz-1", "zz-2", "procname", "threads", "x.y", "_u", "pidfile"])


def element(rng: random.Random) -> str:
    key, text = keys(rng), escape(rng.choice(WORDS))
    attributes = "".join(f" {name}={quoteattr(rng.choice(['one', 'two', 'a&b']))}" for name in ("id", "note") if rng.random() < 0.2)
    return rng.choice([
        f"<{key}{attributes}>{text}</{key}>",
        f"<{key}{attributes}>{text}<!-- {rng.randrange(9)} -->tail</{key}>",
        f"<{key}{attributes}>&#{rng.randrange(65, 90)};{text}&#x{rng.randrange(65, 90):x};</{key}>",
        f"<{key}{attributes}><![CDATA[{rng.choice(WORDS)}]]></{key}>",
        f"<{key}{attributes}>{text}<inner>x</inner></{key}>",
        f"<{key}{attributes}/>", f"<{key}{attributes}></{key}>", f"<n:{key} xmlns:n='urn:n'>{text}</n:{key}>",
        f'<app mountpoint="/m{rng.randrange(9)}">mod</app>', '<app domain="d">\n<module>mod</module></app>',
        "<!-- comment -->", "<?pi x?>", "stray",
    ])


def xml(rng: random.Random) -> tuple[str, str]:
    def block(ids: str) -> str:
        inside = "".join(rng.choice(["", "\n", "  "]) + element(rng) for _ in range(rng.randrange(8)))
        return f"<uwsgi{ids}>{inside}</uwsgi>"

    head = rng.choice(["", '<?xml version="1.0"?>\n', '<?xml version="1.0" encoding="utf-8"?>', "\n<!-- head -->\n"])
    if rng.random() < 0.5:
        return head + block(rng.choice(["", ' id="one"'])), ""
    blocks = [block(ids) for ids in rng.sample(["", ' id="one"', ' id="two"'], 3)]
    return f"{head}<all>{''.join(blocks)}</all>\n", ""


def yaml(rng: random.Random) -> tuple[str, str]:
    plain = [word for word in WORDS if word[0] not in "<%  :$" and "#" not in word]
    lines = []
    for section in rng.sample(["uwsgi", "other", "third"], rng.randrange(1, 4)):
        lines.append(f"{section}:")
        for _ in range(rng.randrange(1, 7)):
            lines.append("  " + rng.choice([f"{keys(rng)}: {rng.choice(plain)}", f"{keys(rng)}: {rng.choice(plain)} # c", "# comment", ""]))
    return "\n".join(lines) + "\n", rng.choice(["", "", ":uwsgi", ":other"])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("make", [xml, yaml])
def test_same_list(make, seed, tmp_path):
    text, section = make(random.Random(f"{make.__name__} {seed}"))
    path = tmp_path / f"c.{make.__name__}"
    path.write_text(text)
    case = Case(path.name, path, [f"--{make.__name__}", f"{path}{section}"], {})
    left, right = (resolved(binary, case, tmp_path / side / "run") for binary, side in ((LEFT, "left"), (RIGHT, "right")))
    assert left is not None and right is not None, text

    def options(lines):  # The original cuts the section off in its own list while it reads.
        return [line for line in lines if not line.startswith(f"{make.__name__} = ")]

    assert options(left) == options(right), text
