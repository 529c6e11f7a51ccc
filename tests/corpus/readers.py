"""What a file says, read by parsers that this project did not write (ini: by the rules in ten lines).

Owns the question whether a file is plain: without placeholders, logic and other files a list of
options is just its lines in order. It refuses everything else; golden files and the comparison
with the original are for that.
"""

import json
import re
from xml.etree import ElementTree

MOVING = re.compile(r"[%$@]\(|%[^%]|%$", re.M)
ACTING = {"ini", "xml", "yaml", "yml", "json", "js", "config", "include", "inherit", "set", "set-ph", "set-placeholder",
          "declare-option", "declare-option2", "resolve", "fallback-config", "end", "else", "app"}
LOGIC = re.compile(r"^(if|for|end)[a-z-]*$")


def ini(text: str) -> list[tuple[str, str]]:
    """Lines of the section `uwsgi`: split at the first equals sign, both halves stripped."""
    found, inside = [], False
    for line in (raw.strip() for raw in text.split("\n")):
        if not line or line[0] in ";#":
            continue
        if line[0] == "[":
            inside = line[1:-1] == "uwsgi"
        elif inside:
            key, _, value = line.partition("=")
            found.append((key.strip(), value.strip()))
    return found


def xml(text: str) -> list[tuple[str, str]]:
    """Children of the root, or of the first `uwsgi` below it."""
    root = ElementTree.fromstring(text)
    block = root if root.tag == "uwsgi" else root.find("uwsgi")
    return [(child.tag, "1" if child.text is None else child.text) for child in block]


def json_pairs(text: str) -> list[tuple[str, str]]:
    """Members of the object `uwsgi` in order, lists as one option for each item."""
    members = dict(json.loads(text, object_pairs_hook=list)).get("uwsgi", [])
    shown = {True: "1", False: "0", None: "0"}
    each = [(key, item) for key, value in members for item in (value if isinstance(value, list) else [value])]
    return [(key, shown[item] if isinstance(item, bool | None) else str(item)) for key, item in each]


READERS = {".ini": ini, ".xml": xml, ".json": json_pairs}


def plain(path) -> list[tuple[str, str]] | None:
    """The options of a plain file; None when more than its lines decides."""
    reader, text = READERS.get(path.suffix), path.read_bytes().decode(errors="surrogateescape")
    if reader is None or MOVING.search(text):
        return None
    pairs = reader(text)
    return None if any(key in ACTING or LOGIC.match(key) for key, _ in pairs) else pairs
