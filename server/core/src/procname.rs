//! Names of processes as `ps` shows them.

/// How titles are made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Titles that tell what a process is.
    pub auto: bool,
    /// The same title for every process.
    pub all: Option<String>,
    /// Title of the master.
    pub master: Option<String>,
    /// Put in front.
    pub prefix: String,
    /// Put behind.
    pub append: String,
}

/// What a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role<'a> {
    /// Supervises.
    Master,
    /// Serves requests; number from 1.
    Worker(u32),
    /// Works beside the workers; number from 1.
    Mule(u32),
    /// Shows and samples numbers.
    Observer,
    /// Does one thing for the master that may take long.
    Helper,
    /// A router; its short name and its number from 1.
    Gateway(&'a str, u32),
}

/// The title for `role`, or `None` when titles were not asked for.
pub fn title(style: &Style, role: Role<'_>) -> Option<String> {
    let fixed = match role {
        Role::Master => style.master.as_ref().or(style.all.as_ref()),
        _ => style.all.as_ref(),
    };
    let name = match (fixed, role) {
        (Some(fixed), _) => fixed.clone(),
        (None, _) if !style.auto => return None,
        (None, Role::Master) => "uWSGI master".to_owned(),
        (None, Role::Worker(n)) => format!("uWSGI worker {n}"),
        (None, Role::Mule(n)) => format!("uWSGI mule {n}"),
        (None, Role::Helper) => "uWSGI helper".to_owned(),
        (None, Role::Observer) => "uWSGI observer".to_owned(),
        (None, Role::Gateway(kind, n)) => format!("uWSGI {kind} {n}"),
    };
    Some(format!("{}{name}{}", style.prefix, style.append))
}

/// Sets the title of this process, by which its lines know it too; one that does not fit is cut.
pub fn apply(style: &Style, role: Role<'_>) {
    crate::structured::speak_as(role);
    if let Some(title) = title(style, role) {
        uwsgi_sys::title::set(&title);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_follow_the_options() {
        let auto = Style { auto: true, prefix: "site ".into(), ..Style::default() };
        let fixed = Style { all: Some("app".into()), master: Some("boss".into()), ..auto.clone() };
        let table = [
            (&Style::default(), Role::Worker(1), None),
            (&auto, Role::Worker(2), Some("site uWSGI worker 2")),
            (&auto, Role::Mule(3), Some("site uWSGI mule 3")),
            (&auto, Role::Gateway("http", 1), Some("site uWSGI http 1")),
            (&fixed, Role::Master, Some("site boss")),
            (&fixed, Role::Observer, Some("site app")),
        ];
        for (style, role, expected) in table {
            assert_eq!(title(style, role).as_deref(), expected, "{role:?}");
        }
    }
}
