//! Sprig's arithmetic, and what makes numbers of other values.

use super::Type::{Any, Int};
use super::{Called, Function, fixed, int, open};
use crate::number::{self, Integer};
use crate::value::Value;

pub(super) static TABLE: &[Function] = &[
    fixed("int", &[Any], |v| Ok(Value::Int(whole(&v[0])))),
    fixed("int64", &[Any], |v| Ok(Value::Int64(whole(&v[0])))),
    fixed("float64", &[Any], |v| Ok(Value::Float(real(&v[0])))),
    fixed("atoi", &[super::Type::Text], |v| Ok(Value::Int(super::text(v, 0).parse().unwrap_or(0)))),
    fixed("toDecimal", &[Any], |v| {
        Ok(Value::Int64(i64::from_str_radix(&super::shown(&v[0]), 8).unwrap_or(0)))
    }),
    open("add", &[], Any, |v| folded(0, v, i64::wrapping_add)),
    fixed("add1", &[Any], |v| Ok(Value::Int64(whole(&v[0]).wrapping_add(1)))),
    fixed("sub", &[Any, Any], |v| Ok(Value::Int64(whole(&v[0]).wrapping_sub(whole(&v[1]))))),
    fixed("div", &[Any, Any], |v| {
        whole(&v[0]).checked_div(whole(&v[1])).map(Value::Int64).ok_or_else(by_zero)
    }),
    fixed("mod", &[Any, Any], |v| {
        whole(&v[0]).checked_rem(whole(&v[1])).map(Value::Int64).ok_or_else(by_zero)
    }),
    open("mul", &[Any], Any, |v| folded(1, v, i64::wrapping_mul)),
    open("max", &[Any], Any, |v| Ok(Value::Int64(v.iter().map(whole).max().unwrap_or(0)))),
    open("biggest", &[Any], Any, |v| Ok(Value::Int64(v.iter().map(whole).max().unwrap_or(0)))),
    open("min", &[Any], Any, |v| Ok(Value::Int64(v.iter().map(whole).min().unwrap_or(0)))),
    open("maxf", &[Any], Any, |v| Ok(Value::Float(v.iter().map(real).fold(f64::NEG_INFINITY, f64::max)))),
    open("minf", &[Any], Any, |v| Ok(Value::Float(v.iter().map(real).fold(f64::INFINITY, f64::min)))),
    fixed("ceil", &[Any], |v| Ok(Value::Float(real(&v[0]).ceil()))),
    fixed("floor", &[Any], |v| Ok(Value::Float(real(&v[0]).floor()))),
    open("round", &[Any, Int], super::Type::Float, round),
    fixed("until", &[Int], |v| steps(0, int(v, 0), if int(v, 0) < 0 { -1 } else { 1 })),
    fixed("untilStep", &[Int, Int, Int], |v| steps(int(v, 0), int(v, 1), int(v, 2))),
    open("seq", &[], Int, seq),
];

fn by_zero() -> String {
    "runtime error: integer divide by zero".into()
}

fn folded(start: i64, values: &[Value], with: fn(i64, i64) -> i64) -> Called {
    Ok(Value::Int64(values.iter().map(whole).fold(start, with)))
}

/// A value as an integer; 0 where it is none.
pub(super) fn whole(value: &Value) -> i64 {
    match value {
        Value::Int(number) | Value::Int64(number) => *number,
        Value::Float(number) => *number as i64,
        Value::Bool(value) => i64::from(*value),
        Value::Text(text) => match number::integer(text) {
            Integer::Is(number) => number,
            _ => 0,
        },
        _ => 0,
    }
}

/// A value as a float; 0 where it is none.
fn real(value: &Value) -> f64 {
    match value {
        Value::Int(number) | Value::Int64(number) => *number as f64,
        Value::Float(number) => *number,
        Value::Bool(value) => f64::from(u8::from(*value)),
        Value::Text(text) => text.parse().unwrap_or(0.0),
        _ => 0.0,
    }
}

/// Rounds to a number of digits: up from a fraction of one half, or of the one that is given.
fn round(v: &[Value]) -> Called {
    let up = match v.get(2) {
        Some(Value::Float(up)) => *up,
        _ => 0.5,
    };
    let scale = 10f64.powi(i32::try_from(int(v, 1)).unwrap_or(0));
    let scaled = real(&v[0]) * scale;
    let rounded = if scaled.fract() >= up { scaled.ceil() } else { scaled.floor() };
    Ok(Value::Float(rounded / scale))
}

/// The numbers from one before another.
fn range(start: i64, stop: i64, step: i64) -> Result<Vec<i64>, String> {
    let mut numbers = Vec::new();
    let mut next = start;
    while (step > 0 && next < stop) || (step < 0 && next > stop) {
        if numbers.len() == 1_000_000 {
            return Err("more than 1000000 numbers are not supported".into());
        }
        numbers.push(next);
        next = next.saturating_add(step);
    }
    Ok(numbers)
}

fn steps(start: i64, stop: i64, step: i64) -> Called {
    Ok(Value::list(range(start, stop, step)?.into_iter().map(Value::Int)))
}

fn seq(v: &[Value]) -> Called {
    let toward = |start: i64, stop: i64| if stop < start { -1 } else { 1 };
    let (start, step, stop) = match v.len() {
        1 => (1, toward(1, int(v, 0)), int(v, 0)),
        2 => (int(v, 0), toward(int(v, 0), int(v, 1)), int(v, 1)),
        3 => (int(v, 0), int(v, 1), int(v, 2)),
        _ => return Ok(Value::from("")),
    };
    if v.len() == 3 && step.signum() != toward(start, stop) {
        return Ok(Value::from(if start == stop && step != 0 { start.to_string() } else { String::new() }));
    }
    let numbers = range(start, stop.saturating_add(step.signum()), step)?;
    Ok(Value::from(numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(" ")))
}
