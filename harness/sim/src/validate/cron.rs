//! Schedules of CronJobs, read as kube-apiserver's library (robfig/cron, standard form) reads them.

/// What is wrong with a schedule, in the library's words; `None` where it can be read.
pub(super) fn problem(schedule: &str) -> Option<String> {
    read(schedule).err()
}

/// The least and the greatest value of a field, and the names that it knows, which count from the first number.
struct Field {
    least: u32,
    greatest: u32,
    names: (u32, &'static [&'static str]),
}

const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const FIELDS: [Field; 5] = [
    Field { least: 0, greatest: 59, names: (0, &[]) },
    Field { least: 0, greatest: 23, names: (0, &[]) },
    Field { least: 1, greatest: 31, names: (0, &[]) },
    Field { least: 1, greatest: 12, names: (1, MONTHS) },
    Field { least: 0, greatest: 6, names: (0, DAYS) },
];

fn read(schedule: &str) -> Result<(), String> {
    if schedule.starts_with('@') {
        return descriptor(schedule);
    }
    let parts: Vec<&str> = schedule.split_whitespace().collect();
    if parts.len() != FIELDS.len() {
        return Err(format!("expected exactly 5 fields, found {}: [{}]", parts.len(), parts.join(" ")));
    }
    for (part, field) in parts.iter().zip(&FIELDS) {
        for range in part.split(',').filter(|range| !range.is_empty()) {
            check(range, field)?;
        }
    }
    Ok(())
}

fn descriptor(schedule: &str) -> Result<(), String> {
    const KNOWN: [&str; 7] =
        ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];
    if KNOWN.contains(&schedule) {
        return Ok(());
    }
    match schedule.strip_prefix("@every ") {
        Some(every) => duration(every).map_err(|why| format!("failed to parse duration {schedule}: {why}")),
        None => Err(format!("unrecognized descriptor: {schedule}")),
    }
}

/// Whether Go reads a duration.
fn duration(text: &str) -> Result<(), String> {
    let invalid = || format!("time: invalid duration {text:?}");
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return Ok(());
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        if !number.contains(|c: char| c.is_ascii_digit()) || number.matches('.').count() > 1 {
            return Err(invalid());
        }
        let end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        match unit {
            "" => return Err(format!("time: missing unit in duration {text:?}")),
            "ns" | "us" | "µs" | "μs" | "ms" | "s" | "m" | "h" => rest = after,
            _ => return Err(format!("time: unknown unit {unit:?} in duration {text:?}")),
        }
    }
    Ok(())
}

fn check(range: &str, field: &Field) -> Result<(), String> {
    let (ends, step) = match range.split('/').collect::<Vec<_>>()[..] {
        [ends] => (ends, None),
        [ends, step] => (ends, Some(step)),
        _ => {
            // The ends are looked at first.
            bounds(range.split('/').next().unwrap_or_default(), range, field)?;
            return Err(format!("too many slashes: {range}"));
        }
    };
    let (first, mut last, single) = bounds(ends, range, field)?;
    let step = step.map(number).transpose()?.unwrap_or(1);
    if single && range.contains('/') {
        last = i64::from(field.greatest);
    }
    let (least, greatest) = (i64::from(field.least), i64::from(field.greatest));
    if first < least {
        return Err(format!("beginning of range ({first}) below minimum ({least}): {range}"));
    }
    if last > greatest {
        return Err(format!("end of range ({last}) above maximum ({greatest}): {range}"));
    }
    if first > last {
        return Err(format!("beginning of range ({first}) beyond end of range ({last}): {range}"));
    }
    if step == 0 {
        return Err(format!("step of range should be a positive number: {range}"));
    }
    Ok(())
}

/// The first and the last value, and whether it is one alone.
fn bounds(ends: &str, range: &str, field: &Field) -> Result<(i64, i64, bool), String> {
    let parts: Vec<&str> = ends.split('-').collect();
    if matches!(parts[0], "*" | "?") {
        return Ok((i64::from(field.least), i64::from(field.greatest), parts.len() == 1));
    }
    let first = number_or_name(parts[0], field)?;
    match parts[..] {
        [_] => Ok((first, first, true)),
        [_, last] => Ok((first, number_or_name(last, field)?, false)),
        _ => Err(format!("too many hyphens: {range}")),
    }
}

fn number_or_name(text: &str, field: &Field) -> Result<i64, String> {
    let (start, names) = field.names;
    match names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
        Some(at) => Ok(i64::from(start) + i64::try_from(at).unwrap_or_default()),
        None => number(text),
    }
}

fn number(text: &str) -> Result<i64, String> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    match text.parse::<i64>() {
        Ok(number) if number < 0 => Err(format!("negative number ({number}) not allowed: {text}")),
        Ok(number) => Ok(number),
        Err(_) => {
            let why = if is_number { "value out of range" } else { "invalid syntax" };
            Err(format!("failed to parse int from {text}: strconv.Atoi: parsing {text:?}: {why}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::every_minute("* * * * *")]
    #[case::steps("*/5 0-12/2 1,15 jan-DEC mon")]
    #[case::a_step_of_one_number("3/15 * ? * *")]
    #[case::a_descriptor("@midnight")]
    #[case::every("@every 1h30m")]
    #[case::empty_items("1,,2 * * * *")]
    fn schedules_are_read(#[case] schedule: &str) {
        assert_eq!(problem(schedule), None);
    }
}
