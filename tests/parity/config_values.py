"""What values become: magic variables, placeholders, environment, inserted text, odd lines of ini files."""

from .scenarios import resolves

U = "[uwsgi]\n"


def ini(name, text, env=None, **files):
    """One ini file called `c.ini`, others beside it by name (dots as underscores)."""
    resolves(name, "--ini", "c.ini", files={"c.ini": U + text, **{n.replace("_", "."): t for n, t in files.items()}}, env=env)


ini("placeholder_math", "foo = 17\nbar = 30\na = %(foo + bar + 3)\nb = %(foo + bar + 3 * 2)\nc = %(foo ++)\nd = %(foo bar ++)\n"
    "e = %(foo - bar)\nf = %(bar / 0)\ng = %(nope + 1)\nh = %(nope)\ni = %(foo --)\nj = %(foo * bar / 7)\n")
ini("placeholder_text_parts", "a = x\nb = y\nc = %(a b)\nd = [%(a)][%(b)]\ne = %(a)%(b)\n")
ini("placeholder_first_wins", "port = 1\nport = 2\nenv = P=%(port)\n")
ini("placeholder_of_option", "processes = 2\nenv = P=%(processes)\nenv = Q=%(threads)\n")
ini("placeholder_defined_later", "env = P=%(later)\nlater = here\n")
ini("placeholder_nested_parens", "env = P=%(a(b)c)\nlogformat = %(method) %(uri)\n")
ini("placeholder_spaces_in_key", "my key = 5\nenv = P=%(my key)\nmykey = 7\n")
ini("placeholder_cpu", "processes = 2\nenv = P=%(%k * 4)\nenv = K=%k\n")
ini("environment_of_process", "env = A=$(LOGIN_OF)\nenv = B=$(NOT_SET_ANYWHERE)\nenv = C=$(LOGIN_OF)$(LOGIN_OF)\n", env={"LOGIN_OF": "ann"})
ini("environment_in_placeholder", "base = $(ROOT_OF)/x\nenv = A=%(base)/y\n", env={"ROOT_OF": "/srv"})
ini("inserted_text", "env = A=@(one.txt)\nenv = B=<@(two.txt)>\n", one_txt="first\n", two_txt="no newline")
ini("inserted_crlf", "env = A=<@(one.txt)>\n", one_txt="first\nsecond\n\n")
ini("inserted_command", "env = A=@(exec://echo hello)\n")
ini("magic_file", "env = A=%o|%s|%n|%e|%x|\nenv = B=%p\nenv = C=%d|%c\nenv = D=100%%\n")
ini("magic_unknown_letter", "env = A=[%y%z]\nenv = B=%(no)%%(x)\n")
ini("magic_first_file", "include = in.ini\nenv = O=%n\n", in_ini=U + "env = I=%n %N\n")
ini("magic_version_and_user", "env = U=%u %g\nenv = V=%V\nenv = ESC=%[[m\n")
ini("ini_comment_tails", "env = A=1 ; two\nenv = B=2 # three\nenv = C=3 // four\n;env = D=4\n  # env = E=5\n")
ini("ini_without_equals", "master\nvacuum\n...\nenv = A=1\n")
ini("ini_blanks_and_tabs", "\tprocesses\t=\t2 \n   threads   =2\nenv=A= b \n\n\n")
ini("ini_equals_in_value", "env = A=b=c=d\nset = k=v=w\nenv = K=%(k)\n")
ini("ini_quotes", "procname = \"my name\"\nenv = 'A=1'\n")
ini("ini_crlf", "processes = 2\r\nthreads = 3\r\n\r\n; c\r\nenv = A=1\r\n")
ini("ini_unknown_keys", "just_a_key = 1\nAnother.Key = 2\ncpu_affinity = 1\n")
ini("ini_empty_values", "env = A=\nprocname =\nset = x=\nenv = X=%(x)\n")
ini("ini_booleans", "vacuum = on\nlazy-apps = off\nmemory-report = no\ndie-on-term = FALSE\nthunder-lock = 0\nsingle-interpreter = whatever\n")
ini("ini_numbers_with_tails", "threads = 2 // two\nharakiri = 30s\nmax-requests = 10,000\nbuffer-size = 8192 bytes\n")
