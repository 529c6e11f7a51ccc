//! The list of keys of `attach-daemon2`: `key=value` joined by commas, a backslash takes the
//! meaning from the character behind it. Of a repeated key the last counts.

/// Keys that are switched on by being there.
const FLAGS: [&str; 6] = ["daemonize", "daemon", "control", "stdin", "ns_pid", "notifypid"];

/// The pairs of the list, in order; `None` when an item is no pair and no flag: most likely a part
/// of a command with a comma in it. Empty items are skipped, so a comma at the end does no harm.
pub(super) fn pairs(list: &str) -> Option<Vec<(String, String)>> {
    let mut items = vec![Item::default()];
    let mut chars = list.chars();
    while let Some(c) = chars.next() {
        match (c, items.last_mut()) {
            (',', _) => items.push(Item::default()),
            ('\\', Some(item)) => chars.next().into_iter().for_each(|c| item.push(c)),
            ('=', Some(item)) if item.value.is_none() => item.value = Some(String::new()),
            (c, Some(item)) => item.push(c),
            (_, None) => {}
        }
    }
    items.retain(|item| item.value.is_some() || !item.key.trim().is_empty());
    items.into_iter().map(Item::pair).collect()
}

#[derive(Default)]
struct Item {
    key: String,
    value: Option<String>,
}

impl Item {
    fn pair(self) -> Option<(String, String)> {
        let key = self.key.trim().to_owned();
        let flag = FLAGS.contains(&key.as_str()).then(String::new);
        Some((key, self.value.or(flag)?))
    }

    fn push(&mut self, c: char) {
        self.value.as_mut().unwrap_or(&mut self.key).push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn commas_part_and_backslashes_protect() {
        let list = pairs(r"cmd=run --set a\,b=c \\d, control=,").unwrap();
        let list: Vec<_> = list.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(list, [("cmd", r"run --set a,b=c \d"), ("control", "")]);
    }

    #[test]
    fn an_item_without_a_value_spoils_the_list() {
        assert_eq!(pairs("cmd=celery -Q a,b"), None);
        let flag = pairs("cmd=x,daemonize").unwrap();
        assert_eq!(flag.last(), Some(&("daemonize".to_owned(), String::new())));
        assert_eq!(pairs("plain"), None);
        assert_eq!(pairs(""), Some(Vec::new()));
    }

    proptest! {
        #[test]
        fn any_value_survives_when_written_with_backslashes(value in ".*") {
            let written = value.replace('\\', r"\\").replace(',', r"\,");
            let list = pairs(&format!("cmd={written},freq=3"));
            prop_assert_eq!(list, Some(vec![
                ("cmd".to_owned(), value),
                ("freq".to_owned(), "3".to_owned()),
            ]));
        }

        #[test]
        fn no_list_brings_it_down(list in ".*") {
            let _ = pairs(&list);
        }
    }
}
