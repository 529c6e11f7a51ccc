//! Loading, interpreters, forks, threads, the module and the end of the process.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod common;

use common::{Scratch, apps, file, newest, pythons, run, run_on};

#[test]
fn an_app_loads_from_module_file_and_mount() {
    let bodies = [
        (&["module=pkg:Holder.app"][..], "held"),
        (&["module=pkg:create()"], "default"),
        (&["module=pkg:create(\"x\", times=2)"], "xx"),
        (&["module=pkg", "callable=create()"], "default"),
        (&["module=multi"], "one"),
        (&["eval=import pkg; application = pkg.create('eval')"], "eval"),
        (&["mount=/=pkg:Holder.app"], "held"),
    ];
    for (options, expected) in bodies {
        let run = run(options, &["GET /"]);
        assert_eq!(run.body(0), expected, "{options:?}: {}", run.log);
        assert!(run.log.contains("WSGI app 0 (mountpoint='"), "{}", run.log);
        assert!(run.log.contains("(default app)\n"), "{}", run.log);
    }
}

#[test]
fn an_applications_dictionary_mounts_each_of_its_apps() {
    let run = run(&["module=multi"], &["GET / SCRIPT_NAME=/two", "GET / SCRIPT_NAME=/nowhere"]);
    assert_eq!((run.body(0), run.body(1)), ("two".into(), "one".into()));
    assert!(run.log.contains("found a multiapp module..."), "{}", run.log);
    assert!(run.log.contains("skipping broken app /broken"), "{}", run.log);
    assert!(run.log.contains("2 apps loaded"), "{}", run.log);
}

#[test]
fn a_failure_to_load_says_why_and_is_no_default() {
    let dir = Scratch::new("python");
    let path = |name: &str| format!("{}/{name}", dir.display());
    std::fs::write(path("empty.py"), "").unwrap();
    std::fs::write(path("broken.py"), "def application(:\n").unwrap();
    std::fs::write(path("raises.py"), "import pkg\nraise RuntimeError('at import')\n").unwrap();
    let cases = [
        ("module=nowhere".to_owned(), "ModuleNotFoundError: No module named 'nowhere'"),
        ("module=pkg:number".to_owned(), "TypeError: 'int' object is not callable"),
        ("module=pkg:missing".to_owned(), "has no attribute 'missing'"),
        (format!("wsgi-file={}", path("none.py")), "failed to open python file"),
        (format!("wsgi-file={}", path("empty.py")), "no data read from file"),
        (format!("wsgi-file={}", path("broken.py")), "failed to compile"),
        (format!("wsgi-file={}", path("raises.py")), "RuntimeError: at import"),
        (format!("wsgi-file={}/pkg.py", apps()), "unable to find \"application\" callable in file"),
    ];
    for (option, reason) in &cases {
        let run = run(&[option], &["GET /"]);
        assert!(run.log.contains(reason), "{option}: {}", run.log);
        assert!(
            run.log.contains(
                "unable to load app 0 (mountpoint='') (callable not found or import error)"
            ),
            "{option}: {}",
            run.log
        );
        assert!(!run.log.contains("<uwsgi>"), "no frames of the helper code: {}", run.log);
        assert_eq!(run.field(0, "status"), "500 Internal Server Error", "{option}");
        assert_eq!(run.body(0), "Internal Server Error");
        assert!(run.log.contains("--- no python application found, check your startup logs"));
        assert_eq!(run.code, 0, "{option}");
    }
}

#[test]
fn some_failures_end_the_start() {
    for (option, code, line) in [
        ("mount=/x=/nowhere.py", 22, "unable to load app 0 (mountpoint='/x')"),
        ("eval=1 +", 22, "failed to compile eval code"),
        ("eval=x = 1", 22, "you must define a callable object in your code"),
        ("mount=nothing", 1, "invalid mountpoint: nothing"),
        ("test=pkg", 0, "python threads support enabled"),
        ("test=nowhere", 1, "No module named 'nowhere'"),
        ("pecan=nowhere.py", 22, "Loading pecan environment: nowhere.py"),
        ("paste=config:/nowhere.ini", 22, "Loading paste environment: config:/nowhere.ini"),
        ("wsgi-env-behaviour=x", 1, "invalid wsgi-env-behaviour value: x"),
        ("home=/nowhere", 1, "Python Home is not a directory: /nowhere"),
        ("pymodule-alias=a=nowhere", 1, "No module named 'nowhere'"),
    ] {
        let run = run(&[option], &["GET /"]);
        assert_eq!(run.out, "", "{option}: nothing is served");
        assert_eq!(run.code, code, "{option}: {}", run.log);
        assert!(run.log.contains(line), "{option}: {}", run.log);
    }
}

#[test]
fn what_is_not_built_is_named() {
    let run = run(&["pyshell", "mount=/x=y", &file("valid.py")], &["GET /"]);
    assert!(run.log.contains("option \"pyshell\" is not supported"), "{}", run.log);
    assert!(run.log.contains("no plugin able to load y"), "{}", run.log);
}

#[test]
fn a_virtualenv_is_used_and_a_wrong_one_refused() {
    let python = newest();
    let dir = Scratch::new("venv");
    let status = std::process::Command::new(&python.program)
        .args(["-m", "venv", "--without-pip"])
        .arg(&*dir)
        .status()
        .unwrap();
    assert!(status.success());
    let home = format!("home={}", dir.display());
    let api = file("api.py");
    let request = ["GET /?(sys.prefix,sys.executable)"];
    let right = run(&[&home, &api], &request);
    let shown = dir.display();
    assert_eq!(right.body(0), format!("('{shown}', '{shown}/bin/python')"), "{}", right.log);
    assert!(right.log.contains(&format!("PEP 405 virtualenv detected: {shown}\n")));
    assert!(right.log.contains(&format!("Set PythonHome to {shown}\n")));
    if let Some(other) = pythons().iter().find(|p| p.version != python.version) {
        let wrong = run_on(other, &[&home, &api], &request);
        assert_eq!(wrong.code, 1);
        assert!(wrong.log.contains("was made for python"), "{}", wrong.log);
    }
}

#[test]
fn fork_hooks_run_once_and_the_app_is_inherited() {
    for python in pythons() {
        let run = run_on(python, &[&file("forks.py"), "@fork"], &["GET /"]);
        let body = run.body(0);
        for part in [
            "'seen': ['before', 'child', 'hook']",
            "'reseeded': True",
            "'forked': True",
            "'thread': 'uWSGIWorker1Core0'",
        ] {
            assert!(body.contains(part), "{part} with {:?}: {body} {}", python.version, run.log);
        }
        let ends = run.log.find("uwsgi atexit 1").zip(run.log.find("python atexit"));
        assert!(ends.is_some_and(|(ours, theirs)| ours < theirs), "{}", run.log);
        assert_eq!(run.log.matches("python atexit").count(), 2, "worker and master: {}", run.log);
        assert!(!run.log.contains("Fatal Python error"), "{}", run.log);
        assert_eq!(run.code, 0);
    }
}

#[test]
fn the_first_process_becomes_a_worker_without_fork_handling() {
    for python in pythons() {
        let run = run_on(python, &[&file("forks.py"), "@alone"], &["GET /"]);
        let body = run.body(0);
        assert!(body.contains("'seen': ['hook'],"), "{:?}: {body} {}", python.version, run.log);
        assert!(body.contains("'thread': 'uWSGIWorker1Core0'"), "{body}");
        assert_eq!(run.code, 0);
    }
}

#[test]
fn mounts_are_isolated_in_workers_and_end_cleanly() {
    let mount = |at: &str| format!("mount={at}={}/isolated.py", apps());
    let mounts = [mount("/a"), mount("/b"), mount("/c")];
    let lines = [
        "GET / SCRIPT_NAME=/a",
        "GET / SCRIPT_NAME=/b",
        "GET / SCRIPT_NAME=/b",
        "GET / SCRIPT_NAME=/c",
        "GET / SCRIPT_NAME=/x",
    ];
    for python in pythons() {
        for extra in [&["@fork"][..], &["@fork", "@lazy"], &[], &["@alone"]] {
            let mut options: Vec<&str> = mounts.iter().map(String::as_str).collect();
            options.extend(extra);
            let run = run_on(python, &options, &lines);
            let bodies: Vec<String> = (0..5).map(|n| run.body(n)).collect();
            let expected = [
                "(1, 1, '/a')",
                "(1, 1, '/b')",
                "(1, 2, '/b')",
                "(1, 1, '/c')",
                "(1, 2, '/x')", // the first mount is the default
            ];
            assert_eq!(bodies, expected, "{extra:?} {:?}: {}", python.version, run.log);
            assert!(!run.log.contains("Fatal Python error"), "{}", run.log);
            assert_eq!(run.code, 0, "{extra:?} {:?}: {}", python.version, run.log);
        }
    }
}

#[test]
fn single_interpreter_shares_it() {
    let mount = |at: &str| format!("mount={at}={}/isolated.py", apps());
    let run = run(
        &[&mount("/a"), &mount("/b"), "single-interpreter"],
        &["GET / SCRIPT_NAME=/a", "GET / SCRIPT_NAME=/b"],
    );
    assert_eq!((run.body(0), run.body(1)), ("(2, 1, '/a')".into(), "(2, 1, '/b')".into()));
    assert!(run.log.contains("2 apps loaded"), "{}", run.log);
}

#[test]
fn threads_serve_side_by_side_and_end() {
    let mount = |at: &str| format!("mount={at}={}/isolated.py", apps());
    let lines = vec!["GET /x SCRIPT_NAME=/b"; 200];
    for python in pythons() {
        let run = run_on(python, &[&mount("/a"), &mount("/b"), "@threads=4", "@fork"], &lines);
        assert_eq!(run.out.matches("status: 200 OK").count(), 800, "{}", run.log);
        assert!(run.out.contains("(1, 800, \\'/b\\')"), "one interpreter counts them all");
        assert!(!run.log.contains("still running"), "{}", run.log);
        assert_eq!(run.code, 0, "{:?}: {}", python.version, run.log);
    }
}

#[test]
fn the_module_has_what_is_real() {
    let cases = [
        ("uwsgi.version", "b'2.1.0'"),
        ("uwsgi.version_info", "(2, 1, 0, 0, b'')"),
        ("uwsgi.hostname", "b'testhost'"),
        ("(uwsgi.numproc,uwsgi.cores,uwsgi.started_on)", "(2, 1, 1000)"),
        ("uwsgi.opt['single']", "b'1'"),
        ("uwsgi.opt['twice']", "[b'a', b'b']"),
        ("uwsgi.opt['thrice']", "[b'a', b'b', b'c']"),
        ("uwsgi.opt['bare']", "True"),
        ("uwsgi.worker_id()", "1"),
        ("uwsgi.total_requests()", "7"),
        ("[w['status']for%20w%20in%20uwsgi.workers()]", "[b'idle', b'idle']"),
        (
            "(uwsgi.metric_set('known',4),uwsgi.metric_inc('known'),uwsgi.metric_get('known'))",
            "(True, True, 5)",
        ),
        ("(uwsgi.metric_inc('other'),uwsgi.metric_get('other'))", "(None, 0)"),
        ("uwsgi.log('a%20line')", "True"),
        ("uwsgi.log(b'x')", "TypeError: log() argument 1 must be str, not bytes"),
        ("uwsgi.metric_get()", "TypeError: metric_get() takes exactly 1 argument (0 given)"),
        ("find_spec('uwsgi').name", "'uwsgi'"),
        ("uwsgi.env%20is%20environ", "True"),
        ("hasattr(uwsgi,'cache_get')", "False"),
        ("uwsgi.applications", "None"),
        ("sys.argv", "['uwsgi', 'one', 'two']"),
        ("sys.path[0:2]", &format!("['{}/', '.']", apps())),
        ("sys.stdout%20is%20sys.stderr", "True"),
        ("sys.flags.optimize", "2"),
    ];
    let requests: Vec<String> = cases.iter().map(|c| format!("GET /?{}", c.0)).collect();
    let requests: Vec<&str> = requests.iter().map(String::as_str).collect();
    let api = file("api.py");
    let options = [
        &api[..],
        "single=1",
        "twice=a",
        "twice=b",
        "thrice=a",
        "thrice=b",
        "thrice=c",
        "bare",
        "pyargv=one  two",
        "optimize=2",
    ];
    let run = run(&options, &requests);
    for (n, (call, expected)) in cases.iter().enumerate() {
        assert_eq!(run.body(n), *expected, "{call}: {}", run.log);
    }
    assert!(run.log.contains("\na line\n"), "{}", run.log);
    assert!(run.log.contains(&format!("added {}/ to pythonpath.\n", apps())), "{}", run.log);
}

#[test]
fn a_worker_forked_after_release_serves_too() {
    let run = run(&[&file("forks.py"), "@fork=2"], &["GET /"]);
    let body = run.body(1); // the second worker
    assert!(body.contains("'seen': ['before', 'before', 'child', 'hook']"), "{body} {}", run.log);
    assert!(body.contains("'thread': 'uWSGIWorker2Core0'"), "{body}");
    assert_eq!(run.code, 0);
}

#[test]
fn nothing_is_lost_over_many_requests() {
    let lines = [
        "GET /as_bytes HTTP_X=1",
        "GET /two",
        "GET /closing HTTP_X=2",
        "GET /raises",
        "GET /raises_late",
        "GET /memory_file",
        "GET /bad_head",
        "POST /keeps < body",
        "GET /replaced HTTP_COOKIE=c",
        "GET /resent",
    ];
    let run = run(&[&file("shapes.py"), "@repeat=3000"], &lines);
    let grown = run.out.trim().strip_prefix("grown: ").and_then(|n| n.parse::<i64>().ok());
    // one lost object of 64 bytes per request would be 1,900 KiB
    assert!(grown.is_some_and(|kib| kib < 600), "{} {}", run.out, run.code);
}

#[test]
fn the_tracebacker_shows_every_thread() {
    let dir = Scratch::new("tb");
    let option = format!("py-tracebacker={}/tb.", dir.display());
    let ask = "__import__('subprocess')"; // the app asks its own worker
    let script = "import socket,sys;s=socket.socket(socket.AF_UNIX);s.connect(sys.argv[1]);\
                  print(''.join(iter(lambda:s.recv(9999).decode(),'')))";
    std::fs::write(dir.join("ask.py"), script).unwrap();
    let request = format!(
        "GET /?{ask}.check_output(['{}','{}/ask.py','{}/tb.1']).decode()",
        newest().program.display(),
        dir.display(),
        dir.display()
    );
    let run = run(&[&file("api.py"), &option, "@fork"], &[&request]);
    let body = run.body(0);
    assert!(body.contains("*** uWSGI Python tracebacker output ***"), "{body} {}", run.log);
    assert!(body.contains("thread_id = uWSGIWorker1Core0 filename ="), "{body}");
    assert!(body.contains("thread_id = uWSGITraceBacker filename ="), "{body}");
    assert!(run.log.contains("python tracebacker for worker 1 available on"), "{}", run.log);
}

#[test]
fn a_changed_module_reloads_the_instance() {
    let dir = Scratch::new("reload");
    let app = dir.join("changing.py");
    // the app changes itself until the reloader has seen it
    std::fs::write(
        &app,
        "import os, threading, time\n\
         def application(environ, start_response):\n\
         \x20   start_response('200 OK', [])\n\
         \x20   limit = time.monotonic() + 20\n\
         \x20   def watching():\n\
         \x20       return any(t.name == 'uWSGIAutoReloader' for t in threading.enumerate())\n\
         \x20   n = 0\n\
         \x20   while watching() and time.monotonic() < limit:\n\
         \x20       n += 1\n\
         \x20       os.utime(__file__, (n, n))\n\
         \x20       time.sleep(0.05)\n\
         \x20   return [b'reloaded' if not watching() else b'not seen']\n",
    )
    .unwrap();
    let file = format!("wsgi-file={}", app.display());
    let run = run(&[&file, "py-auto-reload=1", "@fork"], &["GET /"]);
    assert_eq!(run.body(0), "reloaded", "{}", run.log);
    let line = format!("[uwsgi-python-reloader] module/file {} has been modified", app.display());
    assert!(run.log.contains(&line) && run.log.contains("control 1"), "{}", run.log);
}

#[test]
fn an_exception_is_printed_in_one_piece_or_by_the_apps_hook() {
    let lines = ["GET /raises", "GET /hooked", "GET /raises"];
    let run = run(&[&file("shapes.py")], &lines);
    let (before, after) = run.log.split_once("hook set").expect("the app says so");
    let trace = before.split_once("Traceback (most recent call last):\n").expect("a traceback").1;
    let frames = trace.lines().filter(|l| l.trim_start().starts_with("File ")).count();
    assert_eq!(frames, 2, "application and raises: {trace}");
    assert!(trace.contains("\nKeyError: 'before'\n"), "{trace}");
    assert!(after.contains("hooked KeyError") && !after.contains("Traceback"), "{after}");
}

#[test]
fn a_monitored_exception_ends_the_worker() {
    let shapes = file("shapes.py");
    for (option, ends) in [
        ("reload-on-exception", true),
        ("reload-on-exception-type=KeyError", true),
        ("reload-on-exception-type=ValueError", false),
        ("reload-on-exception-value='before'", true),
    ] {
        let run = run(&[&shapes, option], &["GET /raises"]);
        assert_eq!(run.log.contains("control 4"), ends, "{option}: {}", run.log);
    }
}
