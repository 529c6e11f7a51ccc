//! `key=value,key=value` lists, as `metric` and `metric-threshold` are written.
//!
//! Items are separated by `,`, a key ends at the first `=`, a backslash takes the meaning from the
//! character behind it. An item without `=` is no pair; of a repeated key the last counts.

/// The pairs in order.
pub fn pairs(list: &str) -> Vec<(String, String)> {
    let mut items = vec![String::new()];
    let mut chars = list.chars();
    while let Some(c) = chars.next() {
        match (c, items.last_mut()) {
            (',', _) => items.push(String::new()),
            ('\\', Some(item)) => item.extend(chars.next()),
            (c, Some(item)) => item.push(c),
            (_, None) => {}
        }
    }
    let pair = |item: &String| {
        let (key, value) = item.split_once('=')?;
        Some((key.trim().to_owned(), value.to_owned()))
    };
    items.iter().filter_map(pair).collect()
}

/// The last value of a key.
pub fn get<'a>(pairs: &'a [(String, String)], key: &str) -> Option<&'a str> {
    pairs.iter().rev().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_the_original_reads_them() {
        let list = pairs(r"name=a,arg1=x\,y=z,plain,name=b, freq=3,msg=");
        assert_eq!(get(&list, "name"), Some("b"));
        assert_eq!(get(&list, "arg1"), Some("x,y=z"));
        assert_eq!(get(&list, "freq"), Some("3"));
        assert_eq!(get(&list, "msg"), Some(""));
        assert_eq!(get(&list, "plain"), None);
    }
}
