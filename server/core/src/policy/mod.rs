//! Options of the process model in typed form: one file for each part, read once before the first
//! fork.
//!
//! Owns names, units and limits of these options; it refuses to touch the system.

mod bodies;
mod clients;
mod control;
mod daemons;
mod harakiri;
mod hooks;
mod locks;
mod logging;
mod machine;
mod mercy;
mod output;
mod privileges;
mod recycle;
mod reload;
mod request_id;
mod request_log;
mod requests;
mod scale;
mod sockets;
mod transport;

use uwsgi_config::{Config, Finding};

pub use bodies::{Bodies, Pace};
pub use clients::Clients;
pub use control::Control;
pub use daemons::Attached;
pub use harakiri::Harakiri;
pub use hooks::Hooks;
pub use locks::Locks;
pub use logging::Logging;
pub use machine::Machine;
pub use mercy::Mercies;
pub use output::Output;
pub use privileges::{Point, Privileges};
pub use recycle::Recycling;
pub use reload::{OnChange, Preflight, Ready, Reload};
pub use request_id::RequestIds;
pub use request_log::RequestLog;
pub(crate) use request_log::memory_level;
pub(crate) use requests::milliseconds;
pub use requests::{HeaderRules, Requests, VHost};
pub use scale::Scale;
pub(crate) use scale::settings as cheaper_settings;
pub use sockets::{DrainBounds, SharedSpec, Sockets};
pub use transport::Transport;

/// See the module.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The family of `attach-daemon`.
    pub daemons: Attached,
    /// What a process that was asked to leave may take.
    pub mercy: Mercies,
    /// Locks between processes.
    pub locks: Locks,
    /// What HTTP clients are believed and forgiven.
    pub clients: Clients,
    /// How sockets are opened and who serves them.
    pub sockets: Sockets,
    /// How request bodies are received.
    pub bodies: Bodies,
    /// What is taken of the machine.
    pub machine: Machine,
    /// Where the log goes.
    pub output: Output,
    /// What becomes of lines on their way.
    pub logging: Logging,
    /// What room they have on it.
    pub transport: Transport,
    /// Who the instance becomes, and when.
    pub privileges: Privileges,
    /// Commands from outside, and notices to a service manager.
    pub control: Control,
    /// What runs at which phase, and what is waited for.
    pub hooks: Hooks,
    /// What is done about a task that takes too long.
    pub harakiri: Harakiri,
    /// When a worker has done enough.
    pub recycling: Recycling,
    /// How the number of workers follows the load.
    pub scale: Scale,
    /// What starts a reload, and what is tried before one.
    pub reload: Reload,
    /// Who gives requests their ids; `None` where they have none.
    pub ids: Option<RequestIds>,
    /// How single requests are read and answered.
    pub requests: Requests,
}

impl Policy {
    /// Reads the configuration; faults are told before anything else is done.
    pub fn from_config(config: &Config, faults: &mut Vec<Finding>) -> Policy {
        Policy {
            bodies: Bodies::from_config(config),
            mercy: Mercies::from_config(config),
            hooks: Hooks::from_config(config, faults),
            reload: Reload::from_config(config, faults),
            requests: Requests::from_config(config, faults),
            ids: RequestIds::from_config(config),
            locks: Locks::from_config(config, faults),
            clients: Clients::from_config(config, faults),
            sockets: Sockets::from_config(config, faults),
            machine: Machine::from_config(config, faults),
            output: Output::from_config(config),
            logging: Logging::from_config(config, faults),
            transport: Transport::from_config(config),
            privileges: Privileges::from_config(config),
            control: Control::from_config(config, faults),
            daemons: Attached::from_config(config, faults),
            harakiri: Harakiri::from_config(config),
            recycling: Recycling::from_config(config),
            scale: Scale::from_config(config),
        }
    }
}

/// The number an option has, if it is given and not negative.
fn number(config: &Config, name: &str) -> Option<u64> {
    config.has(name).then(|| u64::try_from(config.int(name, 0)).unwrap_or(0))
}
