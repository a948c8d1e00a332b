//! Cron schedules in virtual time. Pure.

use cronexpr::{Crontab, MakeTimestamp, parse_crontab};
use jiff::Timestamp;

/// When a CronJob is to run.
#[derive(Debug)]
pub(crate) enum Schedule {
    /// A crontab expression.
    Cron(Box<Crontab>),
    /// `@every`: this many seconds after the last time.
    Every(i64),
}

/// Reads a schedule, in a time zone (`Etc/UTC` where it is empty). The error is for an event.
pub(crate) fn parse(schedule: &str, zone: &str) -> Result<Schedule, String> {
    let schedule = schedule.trim();
    let bad = |why: &str| format!("unparseable schedule: \"{schedule}\" : {why}");
    if let Some(interval) = schedule.strip_prefix("@every ") {
        let interval: jiff::SignedDuration = interval.trim().parse().map_err(|_| bad("not a duration"))?;
        return Ok(Schedule::Every(interval.as_secs().max(1)));
    }
    let fields = match schedule {
        "@yearly" | "@annually" => "0 0 1 1 *",
        "@monthly" => "0 0 1 * *",
        "@weekly" => "0 0 * * 0",
        "@daily" | "@midnight" => "0 0 * * *",
        "@hourly" => "0 * * * *",
        macro_name if macro_name.starts_with('@') => return Err(bad("unrecognized descriptor")),
        fields => fields,
    };
    if fields.split_whitespace().count() != 5 {
        return Err(bad("expected exactly 5 fields"));
    }
    let fields = fields.replace('?', "*");
    let zone = if zone.is_empty() { "UTC" } else { zone };
    let crontab = parse_crontab(&format!("{fields} {zone}")).map_err(|error| bad(&error.to_string()))?;
    Ok(Schedule::Cron(Box::new(crontab)))
}

impl Schedule {
    /// The first time after `after`, if there is one.
    pub(crate) fn next(&self, after: Timestamp) -> Option<Timestamp> {
        match self {
            Schedule::Cron(crontab) => {
                crontab.find_next(MakeTimestamp(after)).ok().map(|zoned| zoned.timestamp())
            }
            Schedule::Every(seconds) => Some(crate::object::seconds_later(after, *seconds)),
        }
    }

    /// The last time in the span after `after` up to and including `now`, and how many times there were (counted up
    /// to 100, from where on the number does not matter).
    pub(crate) fn last_due(&self, after: Timestamp, now: Timestamp) -> Option<(Timestamp, usize)> {
        let (mut last, mut count, mut from) = (None, 0, after);
        while let Some(at) = self.next(from).filter(|at| *at <= now) {
            last = Some(at);
            count += 1;
            from = at;
            if count == 100 {
                // A long pause: go on from near the present.
                let near = crate::object::seconds_later(now, -86_400 * 8);
                from = from.max(near);
            }
            if count > 20_000 {
                break;
            }
        }
        last.map(|at| (at, count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("*/5 * * * *", "", "2026-01-01T00:05:00Z")]
    #[case("0 3 * * *", "", "2026-01-01T03:00:00Z")]
    #[case("@daily", "", "2026-01-02T00:00:00Z")]
    #[case("0 0 ? * MON", "", "2026-01-05T00:00:00Z")]
    #[case("0 9 * * *", "Europe/Berlin", "2026-01-01T08:00:00Z")]
    #[case("@every 90m", "", "2026-01-01T01:30:01Z")]
    fn schedules_give_the_next_time(#[case] schedule: &str, #[case] zone: &str, #[case] want: &str) {
        let now: Timestamp = "2026-01-01T00:00:01Z".parse().unwrap();
        let want: Timestamp = want.parse().unwrap();
        assert_eq!(parse(schedule, zone).unwrap().next(now), Some(want));
    }

    #[rstest]
    #[case("* * * *")]
    #[case("@sometimes")]
    #[case("61 * * * *")]
    fn bad_schedules_are_refused_by_name(#[case] schedule: &str) {
        assert!(parse(schedule, "").unwrap_err().contains(schedule));
    }

    #[test]
    fn missed_times_are_counted_and_the_last_one_is_found() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let hourly = parse("@hourly", "").unwrap();
        let due = hourly.last_due(at("2026-01-01T00:00:00Z"), at("2026-01-01T03:30:00Z"));
        assert_eq!(due, Some((at("2026-01-01T03:00:00Z"), 3)));
        assert_eq!(hourly.last_due(at("2026-01-01T00:00:00Z"), at("2026-01-01T00:59:59Z")), None);
    }
}
