"""The same configuration in four formats, from files, sections and pipes."""

import json
import subprocess

import pytest

from harness import paths
from harness.server import plain_environment

pytestmark = pytest.mark.ours

WRITTEN = {
    "ini": "[{section}]\nhttp-socket = 127.0.0.1:0\nthreads = 2\nfor = a b\nprocname = %(_) b\nendfor =\n",
    "yaml": "{section}:\n  http-socket: 127.0.0.1:0\n  threads: 2\n  for: a b\n  procname: %(_) b\n  endfor:\n",
    "json": '{{"{section}": {{"http-socket": "127.0.0.1:0", "threads": 2, "for": "a b", "procname": "%(_) b", "endfor": ""}}}}',
    "xml": '<many><uwsgi id="{section}"><http-socket>127.0.0.1:0</http-socket><threads>2</threads>'
           "<for>a b</for><procname>%(_) b</procname><endfor/></uwsgi></many>",
}
LISTED = ["http-socket = 127.0.0.1:0", "threads = 2", "for = a b", "procname = a b", "procname = b b"]


def listed(*args, directory, text="") -> list[str]:
    done = subprocess.run([paths.OURS, "--check", "--show-config", *args], input=text, capture_output=True, text=True,
                          timeout=20, cwd=directory, env=plain_environment(), check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stderr[done.stderr.index("[uwsgi]\n"):done.stderr.index(";end of configuration")].splitlines()
    return [line for line in lines if line.startswith(("http-socket", "threads", "for ", "procname"))]


@pytest.mark.parametrize("option", ["--ini", "--xml", "--xmlconfig", "-x", "--yaml", "--yml", "-y", "--json", "--js", "-j", "--config", "bare"])
@pytest.mark.parametrize("section", ["uwsgi", "app2"])
def test_every_spelling_reads_its_section(option, section, tmp_path):
    kinds = {"--ini": ["ini"], "--xml": ["xml"], "--xmlconfig": ["xml"], "-x": ["xml"], "--yaml": ["yaml"], "--yml": ["yaml"],
             "-y": ["yaml"], "--json": ["json"], "--js": ["json"], "-j": ["json"]}.get(option, list(WRITTEN))
    for kind in kinds:
        (tmp_path / f"x.{kind}").write_text(WRITTEN[kind].format(section=section))
        name = f"x.{kind}" if section == "uwsgi" else f"x.{kind}:{section}"
        assert listed(*([] if option == "bare" else [option]), name, directory=tmp_path) == LISTED, kind


@pytest.mark.parametrize("kind", WRITTEN)
def test_a_configuration_can_be_executed(kind, tmp_path):
    program = tmp_path / f"run.{kind}"
    written = WRITTEN[kind].format(section="uwsgi")
    # The path of the interpreter may be longer than the kernel takes in a first line.
    (tmp_path / "uwsgi").symlink_to(paths.OURS)
    program.write_text(f"#!{tmp_path}/uwsgi --{kind}\n{written}\n")
    program.chmod(0o755)
    done = subprocess.run([program, "--check", "--show-config"], capture_output=True, text=True, timeout=20, cwd=tmp_path,
                          env=plain_environment(), check=False)
    assert done.returncode == 0, done.stderr
    assert all(f"\n{line}\n" in done.stderr for line in LISTED), done.stderr


@pytest.mark.parametrize("kind", WRITTEN)
def test_served_from_a_pipe(kind, uwsgi, tmp_path):
    """`generator | uwsgi --json -`: the application answers with the options of the pipe."""
    app = tmp_path / "app.py"
    app.write_text("import uwsgi\n\ndef application(env, start):\n    start('200 OK', [])\n"
                   "    return [repr((uwsgi.opt['threads'], uwsgi.opt['procname'])).encode()]\n")
    text = WRITTEN[kind].format(section="uwsgi")
    server = uwsgi(f"--{kind}", "-", "--master", "--wsgi-file", app, stdin=text)
    assert server.get("/").body == b"(b'2', [b'a b', b'b b'])"


@pytest.mark.parametrize(("kind", "text", "said"), [
    ("json", '{"uwsgi":\n{"a" 1}}', "error parsing JSON data: line 2 "),
    ("json", "{}", "you must define a object named uwsgi in your JSON data"),
    ("xml", "<uwsgi><a", "[uWSGI] could not parse file x.xml."),
    ("xml", "<other><a/></other>", "[uWSGI] invalid xml root element, <uwsgi> expected."),
    ("yaml", "uwsgi:\n  a: [\n", "error parsing YAML file: "),
])
def test_what_cannot_be_read_is_said(kind, text, said, tmp_path):
    (tmp_path / f"x.{kind}").write_text(text)
    done = subprocess.run([paths.OURS, f"--{kind}", f"x.{kind}"], capture_output=True, text=True, timeout=20, cwd=tmp_path,
                          env=plain_environment(), check=False)
    assert done.returncode == 1
    assert any(line.startswith(said) for line in done.stderr.splitlines()), done.stderr


def test_numbers_of_json_keep_every_digit(tmp_path):
    text = json.dumps({"uwsgi": {"set": ["threads=9223372036854775807"], "procname": 0.25}})
    assert listed("--json", "-", directory=tmp_path, text=text) == ["threads = 9223372036854775807", "procname = 0.25"]
