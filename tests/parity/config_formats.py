"""XML and YAML become the same list. JSON is not in the build of the original that is compared with."""

from .scenarios import resolves


def file(name, suffix, text, *more, env=None, section=""):
    """One file with a suffix, loaded by its option, or a section of it."""
    resolves(name, f"--{suffix}", f"c.{suffix}{section}", *more, files={f"c.{suffix}": text}, env=env)


file("xml_plain", "xml", "<uwsgi>\n  <socket>127.0.0.1:0</socket>\n  <master/>\n  <processes>2</processes>\n  <processes>3</processes>\n</uwsgi>\n")
file("xml_header_and_comments", "xml", '<?xml version="1.0" encoding="UTF-8"?>\n<!-- a --><uwsgi><!-- b --><threads>2</threads></uwsgi>\n')
file("xml_entities", "xml", "<uwsgi><env>A=1 &amp; 2 &lt;3&gt; &#65;&quot;&apos;</env></uwsgi>\n")
file("xml_blanks_stay", "xml", "<uwsgi>\n  <procname> a  b </procname>\n  <env>A=1\n</env>\n</uwsgi>\n")
file("xml_any_root", "xml", "<all><x/><uwsgi><threads>2</threads></uwsgi><uwsgi><threads>3</threads></uwsgi></all>\n")
file("xml_logic", "xml", "<uwsgi><for>a b</for><env>X=%(_)</env><endfor/><set>k=v</set><env>K=%(k)</env></uwsgi>\n")
file("xml_magic", "xml", "<uwsgi><env>A=%n %e 100%%</env><env>B=$(HOME_OF)</env></uwsgi>\n", env={"HOME_OF": "/h"})
file("xml_unknown_elements", "xml", "<uwsgi><my-own>1</my-own><threads>%(my-own)</threads></uwsgi>\n")
file("xml_empty_elements", "xml", "<uwsgi><vacuum></vacuum><memory-report/><env>A=1</env></uwsgi>\n")
file("yaml_plain", "yaml", "uwsgi:\n  socket: 127.0.0.1:0\n  master: true\n  processes: 2\n  processes: 3\n")
file("yaml_comments", "yaml", "# top\nuwsgi:\n  # inside\n  master: 1\n\n  threads: 2\n")
file("yaml_section", "yaml", "one:\n  threads: 1\ntwo:\n  threads: 2\nthree:\n  threads: 3\n", section=":two")
file("yaml_magic", "yaml", "uwsgi:\n  env: A=%n %e\n  set: k=v\n  env: B=%(k)\n  env: C=$(HOME_OF)\n", env={"HOME_OF": "/h"})
file("yaml_percent_scalar", "yaml", "uwsgi:\n  base: /srv\n  procname: %(base)\n  threads: 2\n")
file("yaml_crlf", "yaml", "uwsgi:\r\n  threads: 2\r\n  env: A=1\r\n")
resolves("yaml_positional", "c.yml", files={"c.yml": "uwsgi:\n  threads: 2\n"})
resolves("xml_positional", "c.xml", "--threads", "3", files={"c.xml": "<uwsgi><threads>2</threads></uwsgi>"})
resolves("xml_then_ini", "--xml", "c.xml", "--ini", "d.ini", files={
    "c.xml": "<uwsgi><set>base=/srv</set></uwsgi>", "d.ini": "[uwsgi]\nenv = A=%(base) %n %N\n"})
resolves("xml_includes_yaml", "--xml", "c.xml", files={"c.xml": "<uwsgi><yaml>d.yaml</yaml><env>A=1</env></uwsgi>", "d.yaml": "uwsgi:\n  threads: 2\n"})
