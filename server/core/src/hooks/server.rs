//! What actions ask of the server they run in.

use std::time::Duration;

use uwsgi_hooks::action::{Args, Call, Rpc};
use uwsgi_hooks::real::Server;
use uwsgi_hooks::{Failure, Line};
use uwsgi_sys::symbol::{self, Given};
use uwsgi_sys::{env, process, user};

use crate::instance::Instance;
use crate::{alarm, log, sockets};

/// This process.
pub(super) struct Here {
    /// Its instance, once there is one.
    pub(super) instance: Option<&'static Instance>,
}

/// A function of the server itself that configurations call by name.
type Own = fn(&str);

/// Those; they go before symbols of libraries.
const OWN: &[(&str, Own)] =
    &[("uwsgi_log", |text| log::line(text)), ("uwsgi_log_verbose", |text| log::verbose(text))];

impl Server for Here {
    fn log(&mut self, line: Line) {
        log::say(&line);
    }

    fn pause(&mut self, time: Duration) -> bool {
        // A process that was asked to end does so out of its handler, or by the signal itself.
        std::thread::sleep(time);
        true
    }

    fn putenv(&mut self, name: &str, value: Option<&str>) -> Result<(), Failure> {
        if process::threads() > 1 {
            return told("putenv", "this process has threads");
        }
        env::set(name, value);
        Ok(())
    }

    fn user(&self, name: &str) -> Option<u32> {
        user::user(name).map(|user| user.uid)
    }

    fn group(&self, name: &str) -> Option<u32> {
        user::group(name)
    }

    fn alarm(&mut self, name: &str, text: &str) -> Result<(), Failure> {
        match self.instance.filter(|instance| instance.alarm_wire.is_some()) {
            Some(instance) => {
                alarm::raise(instance, name.as_bytes(), text.as_bytes());
                Ok(())
            }
            None => told("alarm", "alarms need a master, and come up before the applications load"),
        }
    }

    fn rpc(&mut self, rpc: &Rpc) -> Result<String, Failure> {
        let _ = rpc;
        told("rpc", "this build has no rpc functions")
    }

    fn unix_signal(&mut self, number: i32, symbol: &str) -> Result<(), Failure> {
        match symbol::handle_signal(number, symbol) {
            Ok(true) => Ok(()),
            Ok(false) => told("unix_signal", &format!("unable to find function \"{symbol}\"")),
            Err(error) => told("unix_signal", &sockets::plain(&error)),
        }
    }

    fn call(&mut self, call: &Call) -> Option<i32> {
        let own = OWN.iter().find(|(name, _)| *name == call.symbol);
        if let Some((_, function)) = own {
            match &call.args {
                Args::Text(text) | Args::TextNumbers(text, _) => function(text),
                Args::Nothing | Args::Number(_) => function(""),
            }
            return Some(0);
        }
        let given = match &call.args {
            Args::Nothing => Given::Nothing,
            Args::Text(text) => Given::Text(text),
            Args::Number(number) => Given::Number(*number),
            Args::TextNumbers(text, numbers) => Given::TextNumbers(text, numbers),
        };
        symbol::call(&call.symbol, &given)
    }
}

fn told<T>(action: &str, why: &str) -> Result<T, Failure> {
    Err(Failure::Told(format!("hook {action}: {why}")))
}
