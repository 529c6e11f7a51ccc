//! The observer: the process that shows and samples numbers.
//!
//! It is a process of its own so that no client of the stats, however slow or dead, can touch the
//! master or a request. It owns no data: everything lives in the arena, and when it dies a new one
//! goes on. Every client is a task with deadlines and a bound on how many there may be.

mod agentx;
mod alarms;
mod answer;
pub(crate) mod carrier;
mod datagrams;
mod drops;
mod engine;
mod health;
mod lines;
mod load;
mod machine;
mod metrics;
mod notifications;
pub(crate) mod process;
mod pull;
mod pump;
mod pushers;
mod queues;
mod sampler;
mod server;
mod taken;
mod thresholds;

use uwsgi_sys::signal;

pub(crate) use self::queues::waiting;
use crate::instance::Instance;
use crate::log;

/// Exit code of an observer that was asked to go.
const END: i32 = 30;

/// Runs the observer until it is asked to go; its exit code.
pub fn run(instance: &'static Instance) -> i32 {
    // Stats clients may leave at any time.
    signal::ignore(signal::SIGPIPE);
    // A Ctrl-C at the terminal reaches every process; the master says when this one ends.
    signal::ignore(signal::SIGINT);
    signal::ignore(signal::SIGHUP);
    // The same holds for Ctrl-Z, which means a pause of the workers.
    signal::ignore(signal::SIGTSTP);
    signal::ignore(signal::SIGALRM);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(metrics::THREADS)
        .build();
    match runtime {
        Ok(runtime) => {
            let code = runtime.block_on(serve(instance));
            // A thread that waits for a dead file system must not be waited for.
            runtime.shutdown_background();
            metrics::end(instance);
            code
        }
        Err(e) => {
            log!("observer: {e}");
            1
        }
    }
}

async fn serve(instance: &'static Instance) -> i32 {
    use tokio::signal::unix::{SignalKind, signal as receive};
    // A TERM that comes while its handler is being put in place would find neither the default
    // action nor the handler: it waits until that is done.
    signal::block_all_in_thread();
    let term = receive(SignalKind::terminate());
    signal::reset(&[]);
    let Ok(mut term) = term else { return 1 };
    let state = server::State::new(instance);
    for listener in &instance.stats {
        server::start(&state, listener);
    }
    let site = pull::Site::new(instance);
    instance.prometheus.iter().for_each(|listener| site.start(listener));
    let alarms = match alarms::Alarms::start(instance) {
        Ok(alarms) => alarms,
        Err(text) => {
            log!("observer: {text}");
            return 1;
        }
    };
    let mut pushers = pushers::Pushers::start(instance);
    let code = tokio::select! {
        () = sampler::run(instance, &alarms, &mut pushers) => 1,
        () = datagrams::run(instance) => 1,
        () = notifications::run(instance) => 1,
        () = agentx::run(instance) => 1,
        _ = term.recv() => END,
    };
    let last = sampler::snapshot(instance);
    tokio::join!(alarms.finish(), pushers.finish(&last));
    code
}
