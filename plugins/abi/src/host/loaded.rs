//! Opening a plugin, judging its descriptor, and calling its hooks.
//!
//! It owns the libraries, which are never closed: a language runtime cannot be. A descriptor that
//! makes no sense is refused with its reason before anything of it is called.

use std::path::Path;

use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_LOCAL, RTLD_NOW};

use super::{Declared, HOST, RequestHost, declared};
use crate::{ABI_VERSION, PLUGIN_SYMBOL, Pair, Plugin, ProcessKind, Request, Str};

/// A loaded plugin. Lives as long as the process.
#[derive(Clone, Copy)]
pub struct Loaded {
    descriptor: &'static Plugin,
    library: &'static Library,
    name: &'static str,
}

/// Opens a library whose symbols later libraries resolve against (libpython), for good.
pub fn open_global(path: &Path) -> Result<(), String> {
    // SAFETY: running the initialisers of a language runtime is what the caller asks for; the
    // handle is leaked, so no code of it can go away under us.
    let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_GLOBAL) };
    library.map(std::mem::forget).map_err(|e| e.to_string())
}

/// Opens a plugin and judges its descriptor.
pub fn load(path: &Path) -> Result<Loaded, String> {
    // SAFETY: as in `open_global`; plugins are trusted code by definition.
    let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) };
    let library: &'static Library = Box::leak(Box::new(library.map_err(|e| e.to_string())?));
    let descriptor = descriptor(library, path)?;
    let name = declared::text(descriptor.name, "its name")?;
    if !declared::is_name(&name) {
        return Err(format!("it calls itself \"{}\", which is no name", name.escape_debug()));
    }
    if descriptor.request.is_some() && u8::try_from(descriptor.modifier1).is_err() {
        return Err(format!("its modifier {} is larger than 255", descriptor.modifier1));
    }
    Ok(Loaded { descriptor, library, name: Box::leak(name.into_boxed_str()) })
}

/// The descriptor of an open library, of a version and size that fit.
fn descriptor(library: &Library, path: &Path) -> Result<&'static Plugin, String> {
    // SAFETY: the symbol's type is fixed by the ABI; its version is checked before use.
    let entry =
        unsafe { library.get::<extern "C" fn() -> *const Plugin>(PLUGIN_SYMBOL.as_bytes()) };
    let pointer = match entry {
        Ok(entry) => entry(),
        Err(_) => return Err(not_a_plugin(library, path)),
    };
    if pointer.is_null() || !pointer.is_aligned() {
        return Err("it refused to give its descriptor".into());
    }
    // SAFETY: non-null, aligned and static by the contract of the symbol; these two fields begin
    // the layout in every version, so nothing behind them is looked at yet.
    let [version, size] = unsafe { pointer.cast::<[u32; 2]>().read() };
    if version != ABI_VERSION || size as usize != size_of::<Plugin>() {
        let own = size_of::<Plugin>();
        return Err(format!(
            "it speaks ABI {version} ({size} bytes), this server speaks {ABI_VERSION} ({own} bytes): rebuild both together"
        ));
    }
    // SAFETY: static and of this layout, as just checked.
    Ok(unsafe { &*pointer })
}

/// Why a library without our symbol is none of ours.
fn not_a_plugin(library: &Library, path: &Path) -> String {
    let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    // SAFETY: the symbol is looked for, its content is not touched.
    let foreign = unsafe { library.get::<*const u8>(stem.as_bytes()) }.is_ok();
    match foreign {
        true => format!("it is built for the C server (symbol {stem}), whose plugins do not fit"),
        false => format!("it has no symbol {PLUGIN_SYMBOL}"),
    }
}

/// What a request looks like to [`Loaded::request`].
pub struct RequestView<'a> {
    /// Variables in packet order.
    pub vars: &'a [Pair],
    /// Announced body length.
    pub content_length: u64,
    /// Thread slot.
    pub core: u32,
    /// Bits `REQUEST_*`.
    pub flags: u32,
    /// Client socket.
    pub fd: i32,
    /// Modifier bytes of the packet.
    pub modifiers: (u8, u8),
    /// URL scheme.
    pub scheme: &'a [u8],
    /// Key by which the app is chosen.
    pub script_name: &'a [u8],
}

impl Loaded {
    /// The plugin's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The modifier it declares; `None` when it takes no requests.
    pub fn modifier1(&self) -> Option<u8> {
        self.descriptor.request.and(u8::try_from(self.descriptor.modifier1).ok())
    }

    /// The options it brings along.
    pub fn options(&self) -> Result<Vec<Declared>, String> {
        declared::read(self.descriptor)
    }

    /// Calls an exported function without arguments or result.
    pub fn call(&self, symbol: &str) -> Result<(), String> {
        // SAFETY: the user says that the symbol is such a function.
        let function = unsafe { self.library.get::<extern "C" fn()>(symbol.as_bytes()) };
        function.map(|function| function()).map_err(|e| e.to_string())
    }

    /// Runs `init`; `Err` carries the exit code.
    pub fn init(&self) -> Result<(), i32> {
        let Some((_, server)) = HOST.get() else { return Err(1) };
        match self.descriptor.init.map_or(0, |f| f(server)) {
            0 => Ok(()),
            code => Err(exit_code(code)),
        }
    }

    /// Runs `init_apps`: the number of apps loaded, or the exit code.
    pub fn init_apps(&self) -> Result<u32, i32> {
        let n = self.descriptor.init_apps.map_or(0, |f| f());
        u32::try_from(n).map_err(|_| exit_code(n.saturating_neg()))
    }

    /// Runs `before_fork`.
    pub fn before_fork(&self) {
        if let Some(f) = self.descriptor.before_fork {
            f();
        }
    }

    /// Runs `after_fork_parent`.
    pub fn after_fork_parent(&self) {
        if let Some(f) = self.descriptor.after_fork_parent {
            f();
        }
    }

    /// Runs `after_fork_child`.
    pub fn after_fork_child(&self, kind: ProcessKind, id: u32) {
        if let Some(f) = self.descriptor.after_fork_child {
            f(kind as u32, id);
        }
    }

    /// Runs `init_thread`.
    pub fn init_thread(&self, core: u32) {
        if let Some(f) = self.descriptor.init_thread {
            f(core);
        }
    }

    /// Runs `end_thread`.
    pub fn end_thread(&self, core: u32) {
        if let Some(f) = self.descriptor.end_thread {
            f(core);
        }
    }

    /// Runs `release`.
    pub fn release(&self) {
        if let Some(f) = self.descriptor.release {
            f();
        }
    }

    /// Runs `signal`; false when it fails or there is none.
    pub fn signal(&self, core: u32, number: u8) -> bool {
        self.descriptor.signal.is_some_and(|f| f(core, number.into()) == 0)
    }

    /// Runs `mule`; false when the program is for another plugin.
    pub fn mule(&self, program: &[u8]) -> bool {
        self.descriptor.mule.is_some_and(|f| f(Str::new(program)) == 1)
    }

    /// Runs `mule_msg`; false when nobody there wants it.
    pub fn mule_msg(&self, message: &[u8]) -> bool {
        self.descriptor.mule_msg.is_some_and(|f| f(Str::new(message)) == 1)
    }

    /// Runs `atexit`.
    pub fn atexit(&self) {
        if let Some(f) = self.descriptor.atexit {
            f();
        }
    }

    /// Serves one request through `host`; what the plugin answered.
    pub fn request(&self, view: &RequestView<'_>, host: &mut dyn RequestHost) -> i32 {
        let mut host: &mut dyn RequestHost = host;
        let mut request = Request {
            vars: view.vars.as_ptr(),
            vars_len: view.vars.len(),
            content_length: view.content_length,
            core: view.core,
            flags: view.flags,
            fd: view.fd,
            modifier1: view.modifiers.0,
            modifier2: view.modifiers.1,
            reserved: 0,
            scheme: Str::new(view.scheme),
            script_name: Str::new(view.script_name),
            host: (&raw mut host).cast(),
        };
        self.descriptor.request.map_or(-1, |f| f(&mut request))
    }
}

/// A number that a process can end with and that is no success.
fn exit_code(code: i32) -> i32 {
    if (1..=255).contains(&code) { code } else { 1 }
}
