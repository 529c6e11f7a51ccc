//! Templates in XML, as old servers import them. The bytes are an interface. Pure.

use uwsgi_metrics::schema::Item;

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
    <zabbix_export>\n\
    <version>2.0</version><groups><group><name>uWSGI</name></group></groups>\n\
    \t<templates><template><template>uWSGI metrics</template><name>uWSGI metrics</name>\n\
    \t<groups><group><name>uWSGI</name></group></groups>\n\
    \t<items>\n";

const TAIL: &str = "\t</items></template></templates>\n</zabbix_export>\n";

/// Elements that strict importers want of each item: without a value where that is empty, except
/// `units`, which is a pair.
const STRICT: &[(&str, &str)] = &[
    ("snmp_community", ""),
    ("snmp_oid", ""),
    ("multiplier", "0"),
    ("delay", "60"),
    ("status", "0"),
    ("units", ""),
    ("delta", "2"),
    ("history", "90"),
    ("trends", "365"),
    ("allowed_hosts", ""),
    ("snmpv3_contextname", ""),
    ("snmpv3_securityname", ""),
    ("snmpv3_securitylevel", "0"),
    ("snmpv3_authprotocol", "0"),
    ("snmpv3_authpassphrase", ""),
    ("snmpv3_privprotocol", "0"),
    ("snmpv3_privpassphrase", ""),
    ("formula", "1"),
    ("delay_flex", ""),
    ("params", ""),
    ("ipmi_sensor", ""),
    ("authtype", "0"),
    ("data_type", "0"),
    ("username", ""),
    ("password", ""),
    ("publickey", ""),
    ("privatekey", ""),
    ("port", ""),
    ("description", ""),
    ("applications", ""),
    ("inventory_link", "0"),
    ("valuemap", ""),
];

/// The template; keys are bare names without a prefix.
pub(super) fn text(list: &[Item], prefix: &str, strict: bool) -> String {
    let mut out = HEAD.to_owned();
    for item in list {
        let name = escaped(&String::from_utf8_lossy(&item.name));
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        out.push_str("\t\t<item>\n");
        for (element, value) in
            [("name", &*name), ("type", "2"), ("key", &key), ("value_type", "3")]
        {
            line(&mut out, element, value);
        }
        let more = if strict { STRICT } else { &[] };
        more.iter().for_each(|(element, value)| line(&mut out, element, value));
        out.push_str("\t\t</item>\n");
    }
    out + TAIL
}

fn line(out: &mut String, element: &str, value: &str) {
    out.push_str(&match value {
        "" if element != "units" => format!("\t\t\t<{element}/>\n"),
        _ => format!("\t\t\t<{element}>{value}</{element}>\n"),
    });
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use uwsgi_metrics::Kind::Counter;

    fn list(names: &[&str]) -> Vec<Item> {
        let item = |name: &&str| Item {
            name: name.as_bytes().to_vec(),
            oid: Vec::new(),
            kind: Counter,
            value: 0,
        };
        names.iter().map(item).collect()
    }

    #[test]
    fn an_item_is_four_lines() {
        let item = "\t<items>\n\t\t<item>\n\t\t\t<name>a.b</name>\n\t\t\t<type>2</type>\n\
            \t\t\t<key>a.b</key>\n\t\t\t<value_type>3</value_type>\n\t\t</item>\n\
            \t</items></template></templates>\n</zabbix_export>\n";
        assert!(text(&list(&["a.b"]), "", false).ends_with(item));
        let prefixed = text(&list(&["a.b"]), "u", false);
        assert_eq!(prefixed, text(&list(&["a.b"]), "", false).replace("<key>", "<key>u."));
    }

    #[test]
    fn strict_importers_get_every_element() {
        let text = text(&list(&["a"]), "u", true);
        assert_eq!(text.lines().filter(|line| line.starts_with("\t\t\t")).count(), 36);
        for part in
            ["<units></units>\n", "<snmp_oid/>\n", "<delay>60</delay>\n", "<key>u.a</key>\n"]
        {
            assert!(text.contains(part), "{part}");
        }
    }

    #[test]
    fn names_are_escaped() {
        assert!(text(&list(&["a<&>"]), "", false).contains("<key>a&lt;&amp;&gt;</key>"));
    }
}
