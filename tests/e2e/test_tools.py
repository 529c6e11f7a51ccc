"""What the binary tells people, editors and shells without serving: check, explain, schema, completion, build."""

import json
import os
import re
import shutil
import subprocess

import jsonschema
import pytest

from harness import paths
from harness.server import plain_environment

pytestmark = pytest.mark.ours


def run(*args, cwd=None, env=None, stdin=None) -> subprocess.CompletedProcess:
    return subprocess.run([paths.OURS, *map(str, args)], capture_output=True, text=True, timeout=30, cwd=cwd, input=stdin,
                          env={**plain_environment(), **(env or {})}, check=False)


def said(*args, **kw) -> str:
    done = run(*args, **kw)
    assert done.returncode == 0, done.stderr
    return done.stdout


# --- check -------------------------------------------------------------------------------------------------------------------

WRONG = """[uwsgi]
http-socket = :0
threds = 2
processes = -3
protocol = gopher
add-header = nothing
static-map = /a=/b
"""


def test_check_tells_every_fault_with_its_place(tmp_path):
    (tmp_path / "w.ini").write_text(WRONG)
    done = run("--check", "w.ini", cwd=tmp_path)
    assert done.returncode == 1 and done.stdout == ""
    for line in ('unknown option "threds" at w.ini:3 is ignored, did you mean "threads"?',
                 '  (option "processes" at w.ini:4, value "-3"', '  (option "protocol" at w.ini:5, value "gopher"',
                 '  (option "add-header" at w.ini:6, value "nothing"', 'option "static-map" at w.ini:7 is not implemented yet: ignored'):
        assert line in done.stderr, f"{line}\n{done.stderr}"
    assert re.search(r"^configuration refused: 3 faults, \d+ warnings$", done.stderr, re.M), done.stderr


@pytest.mark.parametrize("args", [("w.ini", "--check", "--json"), ("--json", "--check", "w.ini"), ("--check", "--ini", "w.ini", "--json"),
                                  ("--check-format", "json", "--check-config", "w.ini")], ids=" ".join)
def test_check_answers_a_program(tmp_path, args):
    (tmp_path / "w.ini").write_text(WRONG)
    done = run(*args, cwd=tmp_path)
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["ok"], answer["files"]) == (1, False, ["w.ini"])
    members = {"level", "text", "option", "value", "source", "file", "line", "through", "allowed", "meant"}
    assert all(set(found) == members for found in answer["findings"])
    faults = {f["option"]: f for f in answer["findings"] if f["level"] == "fault"}
    assert {name: (f["file"], f["line"], f["source"]) for name, f in faults.items()} == {
        "processes": ("w.ini", 4, "file"), "protocol": ("w.ini", 5, "file"), "add-header": ("w.ini", 6, "file")}
    assert faults["protocol"]["allowed"] and faults["protocol"]["value"] == "gopher"
    assert {f["option"]: f["meant"] for f in answer["findings"] if f["meant"]} == {"threds": "threads"}


def test_check_of_a_good_configuration_lists_it_for_a_program(tmp_path):
    (tmp_path / "a.ini").write_text("[uwsgi]\nprint = heard\nini = b.ini:app\nenv = A=\"x\\\\y\"\n")
    (tmp_path / "b.ini").write_text("[app]\nthreads = %(many)\nmany = 4\n")
    done = run("--check", "--json", "a.ini", "--show-config", cwd=tmp_path, env={"UWSGI_MASTER": "1"})
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["ok"], answer["files"], answer["findings"]) == (0, True, ["a.ini", "b.ini"], [])
    rows = [(c["option"], c["value"], c["source"], c["file"], c["line"]) for c in answer["config"]]
    for row in [("master", "1", "environment", None, None), ("show-config", None, "command line", None, None),
                ("env", 'A="x\\\\y"', "file", "a.ini", 4), ("threads", "4", "file", "b.ini", 2)]:
        assert row in rows, rows
    assert answer["options"] == len(rows)
    assert {c["option"] for c in answer["config"] if not c["known"]} == {"many"}


def test_json_keeps_reading_files(tmp_path):
    """`--json` is the form of the answer only where it cannot be a source."""
    (tmp_path / "a.json").write_text('{"uwsgi": {"threads": 3}, "app": {"threads": 4}}')
    for args in (("--check", "--json", "a.json", "--get", "threads"), ("--json", "a.json:app", "--check")):
        done = run(*args, "--show-config", cwd=tmp_path)
        assert done.returncode == 0 and "configuration ok" in done.stderr, done.stderr
        assert f"threads = {3 if args[0] == '--check' else 4}" in done.stderr
    done = run("--check", "--json", "-", stdin='{"uwsgi": {"threads": 5}}')
    assert done.returncode == 0 and "configuration ok" in done.stderr
    assert run("--json").stderr.splitlines() == [f"{paths.OURS}: option '--json' requires an argument", "getopt_long() error"]


def test_check_does_nothing(tmp_path, nothing_left):
    """No signal, no file, no socket, no directory, no end: everything that a start would do is only judged."""
    (tmp_path / "x.pid").write_text(f"{os.getpid()}\n")
    (tmp_path / "d").mkdir()
    (tmp_path / "a.ini").write_text(f"""[uwsgi]
stop = {tmp_path}/x.pid
exit = 7
socket = {tmp_path}/a.sock
pidfile = {tmp_path}/a.pid
logto = {tmp_path}/a.log
daemonize = {tmp_path}/d.log
metrics-arena = {tmp_path}/arena
chdir = {tmp_path}/d
uid = nobody
threads = 2
""")
    before = sorted(tmp_path.iterdir())
    done = run("--check", "a.ini", cwd=tmp_path)
    assert sorted(tmp_path.iterdir()) == before
    assert done.returncode == 0 and "configuration ok" in done.stderr, done.stderr
    for line in (2, 3):
        assert f"at a.ini:{line} ends a start here: only checked" in done.stderr, done.stderr


def test_check_follows_every_source(tmp_path):
    (tmp_path / "a.ini").write_text("[uwsgi]\nthreads = 2\n[bad]\nthreads = -2\n")
    for args, code in ((("a.ini",), 0), (("a.ini:bad",), 1), (("--ini", "a.ini:bad"), 1), (("a.ini", "a.ini:bad"), 1), (("gone.ini",), 1),
                       (("--ini", "exec://echo [uwsgi]; echo threads = -1"), 1), (("--nonsense",), 1), ((), 0)):
        assert run("--check", *args, cwd=tmp_path).returncode == code, args
    assert run("--check", env={"UWSGI_THREADS": "-1"}).returncode == 1
    assert run(env={"UWSGI_CHECK": "1", "UWSGI_THREADS": "1"}).returncode == 0


# --- explain, status, build --------------------------------------------------------------------------------------------------

def test_explain():
    text = said("--explain", "-s,workers, show-config-o")
    assert [line.split()[1] for line in text.splitlines() if line.startswith("option ")] == ["socket", "workers", "show-config-origin"]
    done = run("--explain", "proceses,threads")
    assert done.returncode == 1 and "option        threads" in done.stdout
    assert done.stderr.startswith('unknown option "proceses", near: processes')


def test_explained_examples_are_accepted(tmp_path):
    """The lines that `--explain` shows are lines that can be used."""
    for name in ("processes", "log-date", "protocol", "env", "chmod-socket", "listen", "master"):
        page = dict(re.findall(r"^([a-z ]+?)  +(.*)$", said("--explain", name), re.M))
        (tmp_path / "x.ini").write_text(f"[uwsgi]\n{page['ini']}\n")
        assert run("--check", "x.ini", cwd=tmp_path).returncode == 0, page
        variable, _, value = page["environment"].partition("=")
        assert run("--check", env={variable: value}).returncode == 0, page
        for words in page["command line"].split("  or  "):
            assert run("--check", *words.split()).returncode == 0, words


def test_option_status_counts_first():
    counts, _, names = said("--option-status").partition("\n\n")
    rows = [line.split("\t") for line in counts.splitlines()]
    assert rows[0] == ["section", "works", "pending", "accepted"] and rows[1][0] == "all"
    assert [sum(int(row[column]) for row in rows[2:]) for column in (1, 2, 3)] == [int(n) for n in rows[1][1:]]
    listed = [line.split("\t") for line in names.splitlines()[1:]]
    assert {row[0] for row in listed} == set(said("--dump-options").split())
    assert {row[3] for row in listed} == {"works", "pending", "accepted"}


def test_build_info_has_the_known_keys():
    info = dict(line.split(" = ") for line in said("--build-info").splitlines())
    keys = "kernel locking event timer filemonitor pcre routing capabilities yaml json ssl xml debug plugin_dir zlib malloc"
    assert list(info)[-16:] == keys.split() and info["kernel"] == "Linux" and info["event"] == "epoll"
    status = dict(line.split("\t")[::3] for line in said("--option-status").partition("\n\n")[2].splitlines())
    assert info["yaml"] == ("True" if status["yaml"] == "works" else "False")


# --- schema ------------------------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def schema():
    return json.loads(said("--json-schema"))


def test_schema_is_one_and_the_committed_one(schema):
    jsonschema.Draft7Validator.check_schema(schema)
    assert schema == json.loads((paths.REPO / "docs/uwsgi.schema.json").read_text())


GOOD = [{}, {"uwsgi": {}}, {"uwsgi": {"processes": 4, "master": True, "socket": ["127.0.0.1:0", ":3031"]}},
        {"uwsgi": {"workers": "4", "master": "true", "module": "app:application", "http": 8080}},
        {"uwsgi": {"processes": "%(%k * 4)", "threads": "$(THREADS)", "listen": "@(backlog)", "master": "%(m)"}},
        {"uwsgi": {"my-own": "placeholder", "n": 3, "list": ["a", "b"]}}, {"app": {"chmod-socket": 664, "umask": "022"}},
        {"uwsgi": {"if-env": "HOME", "print": "%(_)", "endif": None}}, {"uwsgi": {"strict": True, "threads": 2, "set-ph": "a=b"}},
        {"uwsgi": {"env": ["A=1", "B=2"], "limit-as": 128, "reload-on-rss": "256"}}]
BAD = [({"uwsgi": {"processes": "many"}}, "processes"), ({"uwsgi": {"processes": -1}}, "processes"), ({"uwsgi": {"master": "perhaps"}}, "master"),
       ({"uwsgi": {"processes": [1, 2]}}, "processes"), ({"uwsgi": {"socket": {"a": 1}}}, "socket"), ({"uwsgi": {"set-ph": "no pair"}}, "set-ph"),
       ({"app": {"chmod-socket": "9"}}, "chmod-socket"), ({"uwsgi": {"strict": True, "thraeds": 2}}, "uwsgi"), ({"uwsgi": 3}, "uwsgi"),
       ({"uwsgi": {"check-format": "xml"}}, "check-format"), ([], None)]


@pytest.mark.parametrize("document", GOOD, ids=json.dumps)
def test_schema_takes_what_the_server_takes(schema, document, tmp_path):
    jsonschema.Draft7Validator(schema).validate(document)
    (tmp_path / "x.json").write_text(json.dumps(document))
    env = {"THREADS": "2", "HOME": "/"}
    (tmp_path / "backlog").write_text("10")
    if "uwsgi" in document:
        done = run("--check", "--set-ph", "m=1", "x.json", cwd=tmp_path, env=env)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("document", "where"), BAD, ids=str)
def test_schema_marks_what_is_wrong(schema, document, where):
    errors = list(jsonschema.Draft7Validator(schema).iter_errors(document))
    assert errors
    assert where is None or all(where in error.absolute_path for error in errors), errors


# --- completion --------------------------------------------------------------------------------------------------------------

BASH = 'source <("$0" --completion bash); COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _uwsgi; printf "%s\\n" "${COMPREPLY[@]}"'


@pytest.mark.parametrize(("words", "expected"), [
    (["--http-sock"], ["--http-socket", "--http-socket-modifier1", "--http-socket-modifier2"]), (["--check-format", ""], ["text", "json"]),
    (["--check-format", "=", "j"], ["json"]), (["--check-format", "="], ["text", "json"]), (["--ini", "a"], ["app.ini"]), (["a"], ["app.ini"]),
    (["--processes", "a"], []), (["--master", "a"], ["app.ini"]), (["--log-date", "a"], ["app.ini"]), (["-y", "a"], ["app.ini"])], ids=str)
def test_bash_completes(tmp_path, words, expected):
    (tmp_path / "app.ini").touch()
    done = subprocess.run(["bash", "--norc", "-c", BASH, paths.OURS, "uwsgi", *words], capture_output=True, text=True, timeout=30, cwd=tmp_path, check=False)
    assert (done.returncode, done.stderr, done.stdout.split()) == (0, "", expected)


def test_bash_offers_every_name(tmp_path):
    done = subprocess.run(["bash", "--norc", "-c", BASH, paths.OURS, "uwsgi", "--"], capture_output=True, text=True, timeout=30, cwd=tmp_path, check=True)
    assert {name.removeprefix("--") for name in done.stdout.split()} == set(said("--dump-options").split())


@pytest.mark.skipif(not shutil.which("fish"), reason="fish is not installed: tests/setup.sh does it as root")
def test_fish_completes(tmp_path):
    (tmp_path / "u.fish").write_text(said("--completion", "fish"))
    (tmp_path / "app.ini").touch()

    def offered(line):
        done = subprocess.run(["fish", "--no-config", "-c", f"source u.fish; complete -C '{line}'"], capture_output=True, text=True, timeout=30,
                              cwd=tmp_path, env={**plain_environment(), "HOME": str(tmp_path)}, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        return [row.split("\t")[0] for row in done.stdout.splitlines()]
    assert offered("uwsgi --check-format ") == ["json", "text"]
    assert "--http-socket" in offered("uwsgi --http-s")
    assert offered("uwsgi --ini a") == ["app.ini"]
    assert offered("uwsgi --processes a") == []


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not installed: tests/setup.sh does it as root")
def test_zsh_reads_every_option(tmp_path):
    """The script hands `_arguments` one specification for each name and letter, in a form it can split."""
    (tmp_path / "_uwsgi").write_text(said("--completion", "zsh"))
    script = '_arguments() { print -l -- "$@" }; source ./_uwsgi'
    done = subprocess.run(["zsh", "-f", "-c", script], capture_output=True, text=True, timeout=30, cwd=tmp_path, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    specs = done.stdout.splitlines()
    names = {match[1] for spec in specs if (match := re.match(r"\*--([^=\[]+)(?:=-?)?\[(?:[^\]\\]|\\.)+\](?:::?value:.*)?$", spec))}
    assert names == set(said("--dump-options").split())
    assert "*--check-format=[form of the answer of check; --json next to --check is short]:value:(text json)" in specs


def test_an_unknown_shell_is_refused():
    done = run("--completion", "tcsh")
    assert done.returncode == 1 and "bash, zsh" in done.stderr


# --- the page for users ------------------------------------------------------------------------------------------------------

def blocks():
    page = (paths.REPO / "docs/configuration.md").read_text()
    found = re.findall(r"^```(\w+)\n(.*?)^```$", page, re.M | re.S)
    return [(kind, text, after[1] if after[0] == "text" else "") for (kind, text), after in zip(found, [*found[1:], ("", "")], strict=True)
            if kind != "text"]


@pytest.mark.parametrize(("kind", "text", "shown"), blocks(), ids=lambda value: value if len(value) < 5 else "")
def test_examples_of_the_page(tmp_path, kind, text, shown):
    """A configuration is accepted, or refused where the page says so; a command ends well; what is shown is what comes out."""
    if kind == "sh":
        script, env = text, {"PATH": f"{paths.OURS.parent}:{os.environ['PATH']}"}
        done = subprocess.run(["sh", "-ec", script], capture_output=True, text=True, timeout=30, cwd=tmp_path, env={**plain_environment(), **env}, check=False)
    else:
        (tmp_path / f"app.{kind}").write_text(text)
        done = run("--check", "--show-config", f"app.{kind}", cwd=tmp_path)
    out = done.stdout + done.stderr
    assert done.returncode == (1 if "refused" in shown else 0), out
    assert [line for line in shown.splitlines() if line.strip() not in out] == [], out
    if not shown and kind != "sh":
        assert "unknown option" not in out and "not implemented" not in out, out


def test_the_page_shows_one_list_in_four_formats(tmp_path):
    lists = {}
    for kind, text, _ in blocks()[:4]:
        (tmp_path / f"app.{kind}").write_text(text)
        answer = json.loads(said("--check-format", "json", "--check", "--show-config", f"app.{kind}", cwd=tmp_path))
        lists[kind] = [(row["option"], row["value"].replace("true", "1")) for row in answer["config"] if row["source"] == "file"]
    assert set(lists) == {"ini", "yaml", "json", "xml"}
    assert all(rows == lists["ini"] and len(rows) == 5 for rows in lists.values()), lists
