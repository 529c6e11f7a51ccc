"""Which options there are and in which order: command line, environment, files, includes."""

from .scenarios import resolves

U = "[uwsgi]\n"
A = {"a.ini": U + "processes = 1\nsocket = 127.0.0.1:0\n"}
AB = {**A, "b.ini": U + "threads = 2\nprocesses = 3\n"}

resolves("order_file_then_option", "--ini", "a.ini", "--processes", "2", files=A)
resolves("order_option_then_positional", "a.ini", "--processes", "2", files=A)
resolves("order_two_files", "--ini", "a.ini", "--ini", "b.ini", files=AB)
resolves("order_mixed_files", "b.ini", "--ini", "a.ini", "-p", "4", files=AB)
resolves("order_environment_first", "--ini", "a.ini", files=A, env={"UWSGI_PROCESSES": "9", "UWSGI_FOO_BAR": "xx_YY"})
resolves("order_environment_file", "--threads", "3", files=A, env={"UWSGI_INI": "a.ini"})
resolves("order_environment_reserved", files=A, env={"UWSGI_VASSALS_DIR": "/x", "UWSGI_JAIL_PID": "1", "UWSGI_THREADS": "2"})
resolves("order_short_options", "-Mp2", "-s127.0.0.1:0", "-t", "30", "-C664")
resolves("order_abbreviation", "--process", "2", "--vacu", "--socket-timeo", "3")
resolves("order_equals", "--env=A=b=c", "--env=", "--procname=a b")
resolves("order_double_dash", "--master", "--", "a.ini", files=A)
resolves("order_brackets_ignored", "[nothing]", "--master", "[x].ini")
resolves("order_set_on_command_line", "-S", "base=/srv", "--set-ph", "x=1", "--set", "threads=2", "--procname", "%(base)-%(x)")
resolves("order_command_line_is_not_magic", "--procname", "%n %p 100%", "--set", "x=%k")
resolves("include_chain", "--ini", "m.ini", files={
    "m.ini": U + "socket = 127.0.0.1:0\nini = n.ini\nthreads = 2\n", "n.ini": U + "master = true\ninclude = o.ini\nvacuum = true\n",
    "o.ini": U + "harakiri = 20\n"})
resolves("include_xml_in_ini", "--ini", "file1.ini", files={
    "file1.ini": U + "socket = 127.0.0.1:0\nini = file2.ini\nsocket = 127.0.0.1:0\nchdir = /\n",
    "file2.ini": U + "master = true\nxml = file3.xml\nmemory-report = true\nprocesses = 4\n",
    "file3.xml": "<uwsgi><env>A=1</env><threads>2</threads></uwsgi>"})
resolves("inherit_is_literal", "--ini", "i.ini", files={
    "i.ini": U + "base = /srv\ninherit = j.ini\nprocname = %(base)\n", "j.ini": U + "env = H=$(HOME) %(base) @(x) %n\nset = k=$(HOME)\n"})
resolves("inherit_of_inherit", "--ini", "i.ini", files={
    "i.ini": U + "inherit = j.ini\nthreads = 2\n", "j.ini": U + "inherit = k.ini\nmaster = 1\n", "k.ini": U + "vacuum = 1\n"})
resolves("section_by_name", "--ini", "s.ini:two", files={"s.ini": U + "threads = 1\n[two]\nthreads = 2\n[three]\nthreads = 3\n"})
resolves("section_of_last_file", "--ini", "s.ini", files={"s.ini": U + "ini = :two\nthreads = 1\nini = :three\n[two]\nvacuum = 1\n[three]\nmaster = 1\n"})
resolves("section_missing", "--ini", "s.ini:none", files={"s.ini": U + "threads = 1\n"})
resolves("section_repeated", "--ini", "s.ini", files={"s.ini": U + "threads = 1\n[x]\ny = 1\n[uwsgi]\nprocesses = 2\n"})
resolves("from_command", "--ini", "exec://cat a.ini", files=A)
resolves("from_command_with_section", "--ini", "exec://cat s.ini:two", files={"s.ini": U + "threads = 1\n[two]\nthreads = 2\n"})
resolves("strict_with_placeholders", "--ini", "s.ini", files={"s.ini": U + "strict = true\nset-ph = mine=2\nthreads = %(mine)\n"})
