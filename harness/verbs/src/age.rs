//! Ages, as kubectl and flux show them. Pure.

use jiff::Timestamp;

/// How long ago `then` was, in one or two units: `26m`, `2m5s`, `3d4h`.
pub(crate) fn since(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second() - then.as_second();
    if seconds < -1 {
        return "<invalid>".to_owned();
    }
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    let two = |big: i64, unit: &str, small: i64, part: &str| match small {
        0 => format!("{big}{unit}"),
        small => format!("{big}{unit}{small}{part}"),
    };
    match seconds {
        ..0 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => two(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, "d", hours % 24, "h"),
        691_200..63_072_000 => format!("{days}d"),
        63_072_000..252_288_000 => two(days / 365, "y", days % 365, "d"),
        _ => format!("{}y", days / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::since;
    use jiff::Timestamp;
    use rstest::rstest;

    #[rstest]
    #[case::future(-5, "<invalid>")]
    #[case::nearly_now(-1, "0s")]
    #[case::seconds(119, "119s")]
    #[case::minutes_and_seconds(125, "2m5s")]
    #[case::even_minutes(180, "3m")]
    #[case::minutes(1565, "26m")]
    #[case::hours_and_minutes(3 * 3600 + 300, "3h5m")]
    #[case::hours(9 * 3600 + 60, "9h")]
    #[case::days_and_hours(3 * 86400 + 4 * 3600, "3d4h")]
    #[case::days(30 * 86400, "30d")]
    #[case::years(9 * 365 * 86400, "9y")]
    fn ages_have_at_most_two_units(#[case] seconds: i64, #[case] expected: &str) {
        let then = Timestamp::UNIX_EPOCH;
        assert_eq!(since(then, Timestamp::from_second(seconds).expect("a time")), expected);
    }
}
