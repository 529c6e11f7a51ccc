"""Command lines and variables against the original: the same ordered list of options, or the same refusal.

Every case starts with what makes both print their list and end. A case that the original ends by a signal
has no place here; what is better on purpose is tested beside the code.
"""

import os
import re
import subprocess

import pytest

from harness import paths
from harness.server import plain_environment

FIRST = ["--show-config", "--no-server"]
FILES = {
    "a.ini": "[uwsgi]\na = %n\n[two]\nb = %x\n",
    "closing.ini": "[uwsgi]\nendfor =\nz = %(_)\n",
    "open.ini": "[uwsgi]\nx = 1\nif-env = NONE\ny = 1\n",
    "late.ini": "[uwsgi]\np = early-%(w)\nw = 5\ndeclare-option2 = p=procname=$1\np = late-%(w)\n",
    "custom.ini": "[uwsgi]\nw = 5\ndeclare-option = p=set=s=$1;processes=$2\np = %(w) 4\nt = %(s)|%(processes)\n",
    "black.ini": "[uwsgi]\nblacklist = socket\nif-env = NONE\nsocket = :0\nendif =\n",
    "blackin.ini": "[uwsgi]\nblacklist = procname\ninherit = named.ini\n",
    "named.ini": "[uwsgi]\nprocname = n\n",
    "glob.ini": "[uwsgi]\nfor-glob = dir/*\nx = %(_)\nendfor =\nfor-glob = none*\ny = %(_)\nendfor =\n",
    "lines.ini": "[uwsgi]\nfor-readline = words\nx = [%(_)]\nend-for =\nfor-readline = none\ny = 1\nendfor =\n",
    "tab.ini": "[uwsgi]\nfor = a\tb  c\nx = %(_)\nend =\ny = %(_)\n",
    "ahead": "[uwsgi]\nq = %n\n",
    "behind": "\nr = %s\n[x]\n",
    "words": "a  \n b\n\nc\r\nlast",
    "dir/one": "",
    "dir/two/x": "",
    "vars/A": "v1 \t\r\n\n",
    "vars/HOME": "",
    "vars/.hidden": "x",
    "env.ini": "[uwsgi]\nearly-envdir = vars\na = $(A)|$(HOME)\nif-env = A\nok = 1\nendif =\nif-env = HOME\nno = 1\nendif =\n",
}

SAME = """
--foo | --foo=1 | --foo bar | --master=true | --master= | --socket= : | -M -p 4 | -Mp4 | -pX | -Z | -MZ | -W | -W foo
--proc 2 | --set-p a=1 | --show-conf | --y x | --xm x | --enable-thread | --ve | -C664 | -C 664
-- a.ini | a.ini --master | a.ini -- --master | - | [foo] | 5 | x.conf | --master --master | --no-master | --processes --master
--processes=--master | --ini | --ini=a.ini | --in a.ini | --ini a.ini a.ini | -S a=1 | -Sa=1 | -S a | --exit | --exit=3 | --exit 3
--end | -M-p4 | -M-- | - - | ---master | --- | --threads 3 | --http-so 127.0.0.1:0 | --lazy-app | --plugi python | --max-req 3
--thunder | --stats-s 127.0.0.1:0 | --ini a.ini:two | --ini a.ini:none --ini :two | --ini a.ini: | --config x.conf
--for a --set x=%(_) --endfor --set y=%(_) | --if-env NONE --for a --set x=1 --endfor --set y=1 --endif | --if-env PATH --for a
--if-opt x --set a=1 --endif --set b=1 | --master --if-opt master --set a=1 --endif | --endif=3 --end-for --set a=1
--set x=1 --if-opt x=1 --set a=%(_) --endif --if-not-opt x=2 --set b=%(_) --endif --if-not-opt q --set c=%(_) --endif
--if-env HOME=/h --set x=%(_) --endif --if-env HOME= --set y=1 --endif --if-not-env HOME=x --set z=%(_) --endif
--if-exists a.ini --set x=%(_) --endif --if-not-exists none --set y=%(_)%(_) --endif --if-file dir --set z=1 --endif
--if-not-plugin none --set b=%(_) --endif | --ini open.ini --set y=1 --end-if --set z=1
--for-times 2x --set x=%(_) --endfor | --for-times -3 --set x=1 --end | --for a --include closing.ini --set y=%(_) --endfor
--ini glob.ini | --ini lines.ini | --ini tab.ini | --ini env.ini | --ini late.ini | --ini custom.ini
--declare-option foo | --declare-option =foo | --declare-option foo= | --declare-option pq=set=x=$1 --pq 1 --pq=2
--declare-option pq=set=x=$1 --pq | --declare-option pq=set=x=1 --pq=3 | --declare-option pqr=set=x=$1 --pq 1 | --pqr 1
--declare-option pqr=set=x=$1 --declare-option pqs=set=x=1 --pq 1 | --declare-option p=nosuch=1;set=x=1 --p
--declare-option p=set=x=1;bad;set=y=1 --p | --declare-option processes=set=x=1 --processes 3 | --strict --declare-option p=foo=1 --p
--declare-option p=if-env=$1 --p NONE --set x=1 --endif --set y=1 | --declare-option p=env=Z=$1 --set x=$(Z) --p v
--declare-option p=set=x=1 --set-ph p=1 | --set-ph p=1 --declare-option p=set=x=1 --p | --set-ph processes=3 | --set x
--blacklist processes --processes 3 | --blacklist PROCESSES --workers 3 | --blacklist PROCESSES --processes 3
--blacklist processes --end-blacklist --processes 3 | --blacklist foo --set foo=1 | --blacklist foo --set-ph foo=1
--whitelist workers --processes 3 | --blacklist processes --declare-option p=processes=3 --p | --ini black.ini | --ini blackin.ini
--blacklist a --blacklist b --set a=1 | --blacklist a --whitelist set --set a=1 | --blacklist end-blacklist --end-blacklist
--inject-before ahead --inject-after behind --ini a.ini | --inject-before none --ini a.ini | --resolve foo
--resolve foo=1.2.3.4 --set x=%(foo) | --resolve processes=localhost | --env A=1 --set x=$(A) | --unenv HOME --set x=$(HOME)
--early-envdir none | --envdir none | --strict --set foo=1 | --strict --set-ph foo=1 | --set x=@(none) | --set x=@(words)
"""

VARIABLES = """
UWSGI_FOO_BAR=x_Y --master | UWSGI_INI=a.ini | UWSGI_MASTER= | UWSGI_= | UWSGI_FOO-BAR=1 | UWSGI_Foo__bar=1 | UWSGI_STRICT=1 --set a=1
UWSGI_DECLARE_OPTION=pq=set=a=$1 --pq 3 | UWSGI_JAIL_PID=1 --set a=1 | UWSGI_FOO=x=$(HOME)
UWSGI_PROCESSES=1 --blacklist processes | POSIXLY_CORRECT=1 a.ini --master | POSIXLY_CORRECT=1 --master a.ini
"""


def words(table):
    return [case.split() for line in table.split("\n") for case in line.split(" | ") if case.strip()]


def outcome(binary, args, env, directory):
    """The list, or the exit code with what was said, without dates, places and what only one side adds."""
    full = {**{k: v for k, v in plain_environment().items() if k != "POSIXLY_CORRECT"}, "HOME": "/h", "LC_ALL": "C", **env}
    done = subprocess.run([binary, *FIRST, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                          timeout=30, cwd=directory, env=full, check=False)
    text = (done.stdout + done.stderr).replace(str(binary), "uwsgi")
    found = re.search(r";uWSGI instance configuration\n\[uwsgi\]\n(.*?);end of configuration", text, re.S)
    if found:
        return done.returncode, found[1].splitlines()[len(FIRST):]
    said = [re.sub(r" \[[\w/.]+ line \d+\]$", "", line) for line in text.splitlines()]
    drop = ("[uWSGI]", "  (", "uwsgi_resolve_ip()", "*** WARNING: Can't")
    return done.returncode, [line for line in said if line and not line.startswith(drop)]


@pytest.mark.parametrize(("table", "at_least"), [(SAME, 120), (VARIABLES, 12)], ids=["arguments", "variables"])
def test_same_outcome(table, at_least, tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, newline="")
    left = os.environ.get("PARITY_LEFT", paths.ORIGINAL)
    right = os.environ.get("PARITY_RIGHT", paths.OURS)
    cases = words(table)
    different = {}
    for case in cases:
        env = dict(word.split("=", 1) for word in case[:1] if re.match(r"[A-Z_a-z-]+=", word) and not word.startswith("-"))
        args = case[1:] if env else case
        theirs, ours = (outcome(binary, args, env, tmp_path) for binary in (left, right))
        if theirs != ours:
            different[" ".join(case)] = theirs, ours
    assert not different, different
    assert len(cases) >= at_least


def test_the_comparison_sees_differences(tmp_path):
    (tmp_path / "a.ini").write_text("[uwsgi]\na = 1\n")
    seen = {str(outcome(paths.OURS, args, {}, tmp_path)) for args in (["a.ini"], ["--set", "a=2"], ["--foo"], ["--exit=3"])}
    assert len(seen) == 4
