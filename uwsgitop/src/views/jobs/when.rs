//! When a cron runs, in words where there are short ones.

/// Days as crontabs number them; 7 is Sunday, too.
const DAYS: [&str; 8] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Minute, hour, day, month and day of the week; -1 is every one, -N every N-th.
pub(super) fn words(when: [i64; 5]) -> String {
    let short = match when {
        [-1, -1, -1, -1, -1] => Some("each minute".to_owned()),
        [minute, -1, -1, -1, -1] if minute < 0 => Some(format!("every {}m", minute.unsigned_abs())),
        [minute @ 0..=59, -1, -1, -1, -1] => Some(format!("each hour at :{minute:02}")),
        [minute @ 0..=59, hour, -1, -1, -1] if hour < 0 => {
            Some(format!("every {}h at :{minute:02}", hour.unsigned_abs()))
        }
        [minute @ 0..=59, hour @ 0..=23, day, month, week] => {
            on(day, month, week).map(|days| format!("{days} {hour:02}:{minute:02}"))
        }
        _ => None,
    };
    short.unwrap_or_else(|| when.map(field).join(" "))
}

fn on(day: i64, month: i64, week: i64) -> Option<String> {
    let named = |names: &[&'static str], at: i64| {
        usize::try_from(at).ok().and_then(|at| names.get(at)).copied()
    };
    match (day, month, week) {
        (-1, -1, -1) => Some("daily".to_owned()),
        (-1, -1, week) => named(&DAYS, week).map(str::to_owned),
        (day @ 1..=31, -1, -1) => Some(format!("day {day}")),
        (day @ 1..=31, month, -1) => {
            Some(format!("{day} {}", named(&MONTHS, month.checked_sub(1)?)?))
        }
        _ => None,
    }
}

/// As a crontab has it.
fn field(value: i64) -> String {
    match value {
        -1 => "*".to_owned(),
        i64::MIN..0 => format!("*/{}", value.unsigned_abs()),
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn usual_times_have_words_and_others_the_notation_of_crontabs() {
        for (when, text) in [
            ([-1; 5], "each minute"),
            ([-5, -1, -1, -1, -1], "every 5m"),
            ([7, -1, -1, -1, -1], "each hour at :07"),
            ([0, -6, -1, -1, -1], "every 6h at :00"),
            ([0, 3, -1, -1, -1], "daily 03:00"),
            ([30, 4, -1, -1, 1], "Mon 04:30"),
            ([30, 4, -1, -1, 7], "Sun 04:30"),
            ([30, 4, 15, -1, -1], "day 15 04:30"),
            ([59, 23, 31, 12, -1], "31 Dec 23:59"),
            ([59, 23, 31, 13, -1], "59 23 31 13 *"),
            ([-10, 3, -1, -1, -1], "*/10 3 * * *"),
            ([0, 3, 1, -1, 1], "0 3 1 * 1"),
            ([i64::MIN, i64::MAX, 0, 0, 0], "*/9223372036854775808 9223372036854775807 0 0 0"),
        ] {
            assert_eq!(words(when), text, "{when:?}");
        }
    }
}
