"""Refused configurations: the same exit code, and the same first words."""

from .config import refused

U = "[uwsgi]\n"
PLAIN = {"a.ini": U + "threads = 2\n"}


def wrong(name, text, *more, **files):
    """One ini file called `c.ini` that is refused, others beside it."""
    refused(name, "--ini", "c.ini", *more, files=[("c.ini", U + text), *((n.replace("_", "."), t) for n, t in files.items())])


wrong("error_strict_in_file", "strict = true\nnot-an-option = 1\n")
wrong("error_strict_behind", "not-an-option = 1\nstrict = true\n")
wrong("error_missing_include", "include = gone.ini\n")
wrong("error_missing_inherit", "inherit = gone.ini\n")
wrong("error_missing_xml", "xml = gone.xml\n")
wrong("error_missing_yaml", "yaml = gone.yaml\n")
wrong("error_include_without_suffix", "include = common\n")
wrong("error_missing_inserted_file", "env = A=@(gone.txt)\n")
wrong("error_set_without_equals", "set = base\n")
wrong("error_set_ph_is_option", "set-ph = threads=2\n")
wrong("error_nested_logic", "if-env = PATH\nif-env = HOME\nthreads = 2\nendif =\nendif =\n")
wrong("error_loop_in_condition", "if-env = PATH\nfor = a b\nendfor =\nendif =\n")
wrong("error_negative_number", "processes = -1\n")
wrong("error_chmod", "socket = x.sock\nchmod-socket = rwx\n")
wrong("error_forbidden_by_blacklist", "blacklist = uid gid\nuid = 1\nend-blacklist =\n")
wrong("error_forbidden_by_whitelist", "whitelist = threads\nthreads = 2\nchdir = /\n")
wrong("error_declared_without_template", "declare-option = nothing\n")
wrong("error_needed_plugin", "need-plugin = no_such_plugin\n")
refused("error_xml_unclosed", "--xml", "c.xml", files=[("c.xml", "<uwsgi><master/>")])
refused("error_xml_root", "--xml", "c.xml", files=[("c.xml", "<server><master/></server>")])
refused("error_xml_empty", "--xml", "c.xml", files=[("c.xml", "")])
refused("error_two_letters", "-Z")
refused("error_argument_of_letter", "-s")
refused("error_positional_txt", "a.txt")
refused("error_positional_missing", "gone.ini", "--master")
refused("error_stop_missing_pidfile", "--stop", "gone.pid")
refused("error_stop_gone_process", "--stop", "a.pid", files=[("a.pid", "4194000\n")])
refused("error_exit_code", "--exit=17", "--master")
refused("error_exit_default", "--exit")
refused("error_set_on_command_line", "--set", "base")
