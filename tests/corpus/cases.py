"""Reads the corpus: every file of `seeds`, `features` and `mistakes`, and every line of an `.args` file.

`manifest.toml` in each directory says what is expected; a file that it does not name is accepted
without further words. The keys of a row:

`code`   exit code of `uwsgi --check` (0)
`says`   texts that stderr or stdout must hold
`quiet`  texts that must not be there
`args`   arguments instead of the path of the file; `FILE` in them stands for it
`env`    variables
`stdin`  what standard input gives
`files`  files beside it in the working directory, name and content
`why`    for a rejection: what is wrong with the configuration

`NAME.shown` next to a file is the list of options it resolves to.
"""

import dataclasses
import pathlib
import shlex
import tomllib

HERE = pathlib.Path(__file__).parent
SETS = ("seeds", "features", "mistakes")
BESIDE = (".toml", ".shown")


@dataclasses.dataclass(frozen=True)
class Case:
    """One run of `uwsgi --check`."""

    name: str
    path: pathlib.Path
    args: list[str]
    env: dict[str, str]
    code: int = 0
    says: tuple = ()
    quiet: tuple = ()
    stdin: str = ""
    files: dict = dataclasses.field(default_factory=dict)
    why: str = ""

    def __str__(self):
        return self.name

    def shown(self) -> list[str] | None:
        """The expected list of options, where there is one."""
        golden = self.path.with_name(self.path.name + ".shown")
        return golden.read_text().splitlines() if golden.exists() else None

    def furnish(self, directory: pathlib.Path) -> None:
        """Puts the files it names into the working directory."""
        for name, text in self.files.items():
            target = directory / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)


def words_of(line: str) -> tuple[dict[str, str], list[str]]:
    """Variables in front, as in a shell, then arguments."""
    words, env = shlex.split(line), {}
    while words and "=" in words[0] and not words[0].startswith("-"):
        name, _, value = words.pop(0).partition("=")
        env[name] = value
    return env, words


def from_file(path: pathlib.Path, row: dict) -> Case:
    args = [word.replace("FILE", str(path)) for word in row.pop("args", ["FILE"])]
    return Case(f"{path.parent.name}/{path.name}", path, args, row.pop("env", {}), **row)


def from_lines(path: pathlib.Path, rows: dict):
    for line in path.read_text().splitlines():
        number, _, rest = line.partition(" ")
        env, words = words_of(rest)
        yield Case(f"{path.parent.name}/{path.stem}-{number}", path, words, env, **rows.pop(f"{path.name}:{number}", {}))


def load(directory: str) -> list[Case]:
    manifest = HERE / directory / "manifest.toml"
    rows = tomllib.loads(manifest.read_text())
    cases = []
    for path in sorted(p for p in (HERE / directory).iterdir() if p.suffix not in BESIDE):
        if path.suffix == ".args":
            cases += from_lines(path, rows)
        else:
            cases.append(from_file(path, rows.pop(path.name, {})))
    assert not rows, f"{manifest} names what is not there: {sorted(rows)}"
    return cases


CASES = [case for directory in SETS if (HERE / directory).is_dir() for case in load(directory)]
