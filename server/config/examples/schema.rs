//! Prints the JSON Schema of a configuration, as `uwsgi --json-schema` does: `docs/uwsgi.schema.json`.

fn main() {
    print!("{}", uwsgi_config::json_schema(&uwsgi_config::Registry::default()));
}
