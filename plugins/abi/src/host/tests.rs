//! Both sides of the border in one process: what a plugin that panics costs.

use std::sync::Mutex;

use super::*;
use crate::extension::{self, Call, Extension, Failed, State};
use crate::plugin::ServerRef;

/// Remembers the log.
struct Recorder(Mutex<Vec<String>>);

impl Host for Recorder {
    fn option(&self, name: &[u8], nth: usize) -> Option<&[u8]> {
        (name == b"panics-in" && nth == 0).then_some(b"request")
    }
    fn option_at(&self, _: usize) -> Option<(&[u8], Option<&[u8]>)> {
        None
    }
    fn log(&self, line: &[u8], _: bool) {
        let line = String::from_utf8_lossy(line).into_owned();
        self.0.lock().expect("nobody panics here").push(line);
    }
    fn identity(&self) -> Identity {
        Identity::default()
    }
    fn register_app(&self, _: &AppInfo, _: &[u8], _: &[u8]) -> Option<u32> {
        panic!("the server's side")
    }
    fn metric(&self, _: u32, _: &[u8], _: i64) -> Option<i64> {
        None
    }
    fn worker(&self, _: u32) -> Option<WorkerStat> {
        None
    }
    fn app(&self, _: u32, _: u32) -> Option<AppStat> {
        None
    }
    fn control(&self, _: u32) -> bool {
        false
    }
}

struct Panics(ServerRef);

impl Extension for Panics {
    const NAME: &'static str = "panics";
    const MODIFIER1: u8 = 250;

    fn start(server: ServerRef) -> Result<Self, i32> {
        assert_eq!(server.option_last("panics-in"), Some(&b"request"[..]));
        Ok(Self(server))
    }
    fn load_apps(&self) -> Result<u32, i32> {
        let app = AppInfo {
            mountpoint: Str::EMPTY,
            chdir: Str::EMPTY,
            startup_time: 0,
            modifier1: 250,
            default_app: 0,
        };
        // A panic of the server ends at its own side: no app, and the plugin goes on.
        Ok(self.0.register_app(&app).map_or(7, |_| 1))
    }
    fn worker(&self, _: u32) {
        panic!("in a worker")
    }
    fn request(&self, _: &mut Call<'_>) -> Result<(), Failed> {
        panic!("in a request")
    }
}

#[test]
fn a_panic_ends_at_the_border_of_its_side() {
    static HOST: Recorder = Recorder(Mutex::new(Vec::new()));
    static STATE: State<Panics> = State::new();
    let info = Info {
        version: Str::EMPTY,
        hostname: Str::EMPTY,
        binary: Str::EMPTY,
        processes: 1,
        cores: 1,
        master: 0,
        lazy_apps: 0,
        max_apps: 1,
        metrics: 0,
        started_on: 0,
    };
    assert!(install(&HOST, info));
    assert!(!install(&HOST, info), "the first one stays");
    let (_, server) = super::HOST.get().expect("installed");
    let mut request = Request {
        vars: std::ptr::null(),
        vars_len: 0,
        content_length: 0,
        core: 0,
        flags: 0,
        fd: -1,
        modifier1: 250,
        modifier2: 0,
        reserved: 0,
        scheme: Str::EMPTY,
        script_name: Str::EMPTY,
        host: std::ptr::null_mut(),
    };
    // SAFETY: a live request of this thread; nothing asks its host.
    assert_eq!(unsafe { extension::request(&STATE, &raw mut request) }, -1, "before its start");
    // SAFETY: the table that `install` made.
    assert_eq!(unsafe { extension::init(&STATE, server) }, 0);
    assert_eq!(extension::init_apps(&STATE), 7);
    extension::after_fork_child(&STATE, crate::ProcessKind::Other as u32, 1);
    extension::after_fork_child(&STATE, crate::ProcessKind::Worker as u32, 1);
    // SAFETY: as above.
    assert_eq!(unsafe { extension::request(&STATE, &raw mut request) }, -1);
    extension::atexit(&STATE);
    let said = HOST.0.lock().expect("nobody panics here").clone();
    assert_eq!(said, ["plugin panics panicked in worker", "plugin panics panicked in request"]);
}
