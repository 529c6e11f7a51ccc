//! The plugin interface by example: answers requests of modifier 250 with a greeting.
//!
//! It owns three options and one app. `docs/plugins.md` walks through this file.

use uwsgi_abi::extension::{Call, Extension, Failed};
use uwsgi_abi::plugin::ServerRef;
use uwsgi_abi::{AppInfo, OptionRow, Str, Value};

/// The plugin: what it read from the configuration.
struct Hello {
    server: ServerRef,
    greeting: Vec<u8>,
    names: Vec<Vec<u8>>,
    loud: bool,
}

uwsgi_abi::export_plugin!(Hello);

/// Requests of the reserved range for examples come here.
const MODIFIER: u8 = 250;

impl Extension for Hello {
    const NAME: &'static str = "hello";
    const MODIFIER1: u8 = MODIFIER;
    const OPTIONS: &'static [OptionRow] = &[
        OptionRow::new("hello-greeting", Value::Text, "what to say").default("Hello"),
        OptionRow::new("hello-name", Value::List, "whom to greet, in order"),
        OptionRow::new("hello-loud", Value::Flag, "greet in capitals"),
    ];

    fn start(server: ServerRef) -> Result<Self, i32> {
        let greeting = server.option_last("hello-greeting").unwrap_or(b"Hello").to_vec();
        if greeting.is_empty() {
            server.log("hello-greeting is empty: there is nothing to say");
            return Err(1);
        }
        let names: Vec<Vec<u8>> = server.option_all("hello-name").map(<[u8]>::to_vec).collect();
        server.log(&format!("hello plugin ready, {} names to greet", names.len()));
        Ok(Self { server, greeting, names, loud: server.flag("hello-loud") })
    }

    fn load_apps(&self) -> Result<u32, i32> {
        let app = AppInfo {
            mountpoint: Str::EMPTY,
            chdir: Str::EMPTY,
            startup_time: 0,
            modifier1: MODIFIER.into(),
            default_app: 1,
        };
        Ok(self.server.register_app(&app).map_or(0, |_| 1))
    }

    fn worker(&self, id: u32) {
        self.server.log(&format!("hello plugin in worker {id}"));
    }

    fn request(&self, call: &mut Call<'_>) -> Result<(), Failed> {
        let mut text = self.greeting.clone();
        for name in &self.names {
            text.extend_from_slice(b", ");
            text.extend_from_slice(name);
        }
        text.extend_from_slice(b" from ");
        text.extend_from_slice(call.var("PATH_INFO"));
        text.push(b'\n');
        if self.loud {
            text.make_ascii_uppercase();
        }
        call.head("200 OK", &[("Content-Type", b"text/plain")])?;
        call.finish(&text)
    }
}
