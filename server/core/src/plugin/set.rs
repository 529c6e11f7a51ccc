//! The loaded plugins of an instance: who serves which modifier, and the hooks of all in order.

use std::sync::atomic::{AtomicU16, Ordering};

use uwsgi_abi::ProcessKind;
use uwsgi_abi::host::{Loaded, RequestHost, RequestView};
use uwsgi_config::{Config, PluginUse};

use super::find;
use super::modifiers::Modifiers;
use super::shipped::{self, Shipped};
use crate::log;

/// The old second modifier of Python.
const WSGI_ALIAS: u8 = 30;
/// Stands for "no default app" where a modifier is kept.
const NOBODY: u16 = u16::MAX;

/// One loaded plugin.
pub(crate) struct Active {
    plugin: Loaded,
    /// The modifier it serves: its own, or the one given in front of its name.
    modifier1: Option<u8>,
    /// It is Python, which says itself what goes wrong.
    python: bool,
}

impl Active {
    /// Serves one request; false when the plugin failed and has not said so itself.
    pub(crate) fn request(&self, view: &RequestView<'_>, host: &mut dyn RequestHost) -> bool {
        self.plugin.request(view, host) == 0 || self.python
    }

    pub(crate) fn name(&self) -> &'static str {
        self.plugin.name()
    }

    /// A line about a hook that failed.
    fn complain(&self, hook: &str, code: i32) -> i32 {
        if !self.python {
            log!("plugin {} failed in {hook}, exit code {code}", self.name());
        }
        code
    }
}

/// See the module.
pub struct Set {
    plugins: Vec<Active>,
    /// Index into `plugins` by modifier.
    serving: [Option<u8>; 256],
    /// False where `allowed-modifiers` leaves a modifier out.
    allowed: [bool; 256],
    /// Modifier of the app that takes what nobody else does.
    default: AtomicU16,
}

impl Set {
    /// The plugins that a configuration loaded; Python first, whose library was opened last.
    pub(crate) fn new(config: &Config, python: Option<Loaded>) -> Set {
        let mut set = Set {
            plugins: Vec::new(),
            serving: [None; 256],
            allowed: [true; 256],
            default: AtomicU16::new(NOBODY),
        };
        if let Some(plugin) = python {
            let is_python = |p: &&PluginUse| shipped::find(&p.name) == Some(Shipped::Python);
            let given = config.plugins.iter().filter(is_python).find_map(|p| p.modifier1);
            set.add(Active { plugin, modifier1: given.or(plugin.modifier1()), python: true });
        }
        for wish in &config.plugins {
            let Some(plugin) = wish.path.as_deref().and_then(find::opened) else { continue };
            let own = plugin.modifier1();
            set.add(Active { plugin, modifier1: own.and(wish.modifier1).or(own), python: false });
        }
        set
    }

    /// Sends modifiers elsewhere, or nowhere.
    pub(crate) fn restrict(&mut self, modifiers: &Modifiers) {
        for (from, to) in &modifiers.remap {
            self.serving[usize::from(*to)] = self.serving[usize::from(*from)];
        }
        if let Some(allowed) = &modifiers.allowed {
            self.allowed = [false; 256];
            allowed.iter().for_each(|modifier| self.allowed[usize::from(*modifier)] = true);
        }
    }

    /// True unless the configuration leaves the modifier out.
    pub(crate) fn allows(&self, modifier1: u8) -> bool {
        self.allowed[usize::from(modifier1)]
    }

    fn add(&mut self, active: Active) {
        let Ok(index) = u8::try_from(self.plugins.len()) else {
            log!("plugin {} is one too many and left out", active.name());
            return;
        };
        if let Some(modifier) = active.modifier1 {
            let before = self.serving[usize::from(modifier)].replace(index);
            if let Some(before) = before.and_then(|index| self.plugins.get(usize::from(index))) {
                let (name, other) = (active.name(), before.name());
                log!("modifier {modifier} goes to plugin {name} instead of {other}");
            }
            if active.python && modifier == 0 {
                self.serving[usize::from(WSGI_ALIAS)] = Some(index);
            }
        }
        self.plugins.push(active);
    }

    /// Who serves a modifier. What comes for 0 goes to the default app when 0 has no plugin.
    pub(crate) fn serving(&self, modifier1: u8) -> Option<&Active> {
        let bound =
            |modifier: u8| self.plugins.get(usize::from(self.serving[usize::from(modifier)]?));
        if !self.allows(modifier1) {
            return None;
        }
        bound(modifier1).or_else(|| match u8::try_from(self.default.load(Ordering::Relaxed)) {
            Ok(default) if modifier1 == 0 => bound(default),
            _ => None,
        })
    }

    /// True when no request of any modifier finds a plugin.
    pub(crate) fn serves_nothing(&self) -> bool {
        self.serving.iter().all(Option::is_none)
    }

    /// The modifier by which an app is reached that was registered for `declared`.
    pub(crate) fn effective(&self, declared: u32) -> u32 {
        let mut plugins = self.plugins.iter();
        let of = plugins.find(|p| p.plugin.modifier1().map(u32::from) == Some(declared));
        of.and_then(|p| p.modifier1).map_or(declared, u32::from)
    }

    /// An app says that it takes what nobody else does; the first one counts.
    pub(crate) fn offer_default(&self, modifier1: u32) {
        let Ok(modifier) = u8::try_from(modifier1) else { return };
        let (order, new) = (Ordering::Relaxed, u16::from(modifier));
        let _ = self.default.compare_exchange(NOBODY, new, order, order);
    }

    /// Starts each; the error is the exit code.
    pub(crate) fn init(&self) -> Result<(), i32> {
        let start = |p: &Active| p.plugin.init().map_err(|code| p.complain("init", code));
        self.plugins.iter().try_for_each(start)
    }

    /// Loads the apps of each: their number, or the exit code.
    pub(crate) fn init_apps(&self) -> Result<u32, i32> {
        self.plugins.iter().try_fold(0u32, |sum, p| {
            let loaded = p.plugin.init_apps().map_err(|code| p.complain("init_apps", code))?;
            Ok(sum.saturating_add(loaded))
        })
    }

    fn each(&self, hook: impl Fn(&Loaded)) {
        self.plugins.iter().for_each(|p| hook(&p.plugin));
    }

    /// Before a fork of a process that will use the plugins.
    pub(crate) fn before_fork(&self) {
        self.each(Loaded::before_fork);
    }

    /// The parent's side of that fork.
    pub(crate) fn after_fork_parent(&self) {
        self.each(Loaded::after_fork_parent);
    }

    /// The child's side.
    pub(crate) fn after_fork_child(&self, kind: ProcessKind, id: u32) {
        self.each(|plugin| plugin.after_fork_child(kind, id));
    }

    /// A request thread begins.
    pub(crate) fn init_thread(&self, core: u32) {
        self.each(|plugin| plugin.init_thread(core));
    }

    /// A request thread ends.
    pub(crate) fn end_thread(&self, core: u32) {
        self.each(|plugin| plugin.end_thread(core));
    }

    /// The main thread is about to block for long.
    pub(crate) fn release(&self) {
        self.each(Loaded::release);
    }

    /// Runs the handler that the plugin of `modifier1` holds for a signal; false when it fails.
    pub(crate) fn signal(&self, modifier1: u8, core: u32, number: u8) -> bool {
        let mut plugins = self.plugins.iter().map(|active| &active.plugin);
        let holder = plugins.find(|plugin| plugin.modifier1() == Some(modifier1));
        holder.is_some_and(|plugin| plugin.signal(core, number))
    }

    /// Runs the program of a mule in the plugin that knows its kind; false when none does.
    pub(crate) fn mule(&self, program: &str) -> bool {
        self.plugins.iter().any(|active| active.plugin.mule(program.as_bytes()))
    }

    /// Hands a message to the first plugin that wants messages to mules; false when none does.
    pub(crate) fn mule_msg(&self, message: &[u8]) -> bool {
        self.plugins.iter().any(|active| active.plugin.mule_msg(message))
    }

    /// The process ends in good order.
    pub(crate) fn atexit(&self) {
        self.each(Loaded::atexit);
    }
}
