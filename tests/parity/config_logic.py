"""Conditions and loops: what stays in the list, and what `%(_)` becomes."""

from .config_values import ini
from .scenarios import resolves

ini("for_words", "for = a b c\nset = x-%(_)=1\nenv = Y=%(_)\nendfor =\nthreads = 2\n")
ini("for_times", "for-times = 3\nenv = N=%(_)\nendfor =\n")
ini("for_glob", "for-glob = part*.ini\nenv = F=%(_)\nendfor =\nfor-glob = none*.x\nenv = G=%(_)\nend-for =\n", part1_ini="", part2_ini="")
ini("for_readline", "for-readline = l.txt\nenv = L=%(_)\nendfor =\n", l_txt="one\ntwo\r\nthree")
ini("for_no_words", "for =\nenv = N=%(_)\nendfor =\nthreads = 2\n")
ini("if_env", "if-env = STAGE_OF\nenv = S=%(_)\nendif =\nif-env = STAGE_OF=prod\nenv = P=%(_)\nendif =\nif-env = STAGE_OF=dev\nenv = D=1\nendif =\n",
    env={"STAGE_OF": "prod"})
ini("if_not_env", "if-not-env = STAGE_OF\nenv = S=%(_)\nendif =\nif-not-env = NOT_SET_ANYWHERE\nenv = N=[%(_)]\nend-if =\n", env={"STAGE_OF": "prod"})
ini("if_opt", "harakiri = 3\nif-opt = harakiri\nenv = H=%(_)\nendif =\nif-opt = harakiri=3\nenv = I=1\nendif =\nif-opt = harakiri=4\nenv = J=1\nendif =\n")
ini("if_not_opt", "harakiri = 3\nif-not-opt = harakiri\nenv = H=%(_)\nendif =\nif-not-opt = threads\nenv = T=[%(_)]\nendif =\n")
ini("if_exists", "if-exists = here.txt\nenv = A=%(_)\nendif =\nif-not-exists = gone.txt\nenv = B=%(_)\nendif =\nifexists = gone.txt\nenv = C=1\nendif =\n",
    here_txt="x")
ini("if_file_and_dir", "if-file = c.ini\nenv = A=%(_)\nendif =\nif-dir = c.ini\nenv = B=1\nendif =\nif-directory = /\nenv = C=%(_)\nendif =\n"
    "ifdir = .\nenv = D=%(_)\nend =\nthreads = 2\n")
ini("if_not_file_and_dir", "if-not-file = /\nenv = A=%(_)\nendif =\nif-not-dir = c.ini\nenv = B=%(_)\nendif =\n")
ini("if_reload", "if-reload =\nenv = A=1\nendif =\nif-not-reload =\nenv = B=[%(_)]\nendif =\n")
ini("if_hostname", "if-hostname = no.such.host\nenv = A=1\nendif =\nif-not-hostname = no.such.host\nenv = B=%(_)\nendif =\n")
ini("if_false_hides_inner_if", "if-env = NOT_SET_ANYWHERE\nif-env = PATH\nenv = A=1\nendif =\nenv = B=1\n")
ini("if_hides_include", "if-env = NOT_SET_ANYWHERE\ninclude = in.ini\nendif =\nif-env = PATH\ninclude = in.ini\nendif =\n", in_ini="[uwsgi]\nthreads = 2\n")
ini("if_over_files", "include = in.ini\nenv = A=1\nendif =\nenv = B=1\n", in_ini="[uwsgi]\nif-env = NOT_SET_ANYWHERE\nthreads = 2\n")
ini("end_without_block", "endif =\nendfor =\nthreads = 2\n")
ini("set_in_loop", "for = a b\nset = name-%(_)=v%(_)\nendfor =\nenv = A=%(name-a)\nenv = B=%(name-b)\n")
resolves("loop_on_command_line", "--for", "3031 3032", "--env", "P=%(_)", "--endfor", "--threads", "2")
resolves("condition_on_command_line", "--if-env", "NOT_SET_ANYWHERE", "--threads", "2", "--endif", "--env", "A=1")
ini("whitelist_met", "whitelist = threads end-whitelist\nthreads = 2\nend-whitelist =\nenv = A=1\n")
ini("blacklist_met", "blacklist = uid gid\nthreads = 2\nend-blacklist =\nenv = A=1\n")
ini("declared_option", "declare-option = duo=threads=$1;env=X=$2\nduo = 2 two\nenv = A=1\n")
ini("declared_option_sets", "declare-option = place=set=where=/srv/$1;set-ph=who=$1\nplace = ann\nenv = A=%(where) %(who)\n")
ini("declared_option_without_argument", "declare-option = quick=threads=2;env=Q=1\nquick =\nenv = A=1\n")
ini("resolved_name", "resolve = me=127.0.0.1\nenv = A=%(me)\n")
