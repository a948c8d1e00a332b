//! Whole numbers that do not fit their fields, as a strategic merge takes them: cut to the bits that the field has.

use seatrial_schema::{Scalar, TypeKind, TypeRef};
use serde_json::Value;

/// Cuts the numbers of a value of this type; whether there were any that did not fit.
pub(crate) fn cut_integers(value: &mut Value, ty: TypeRef<'_>) -> bool {
    let mut cut = false;
    match (ty.kind(), &mut *value) {
        (TypeKind::Scalar(Scalar::Integer), Value::Number(number)) => {
            let whole = number.as_i64().or_else(|| from_float(number.as_f64()?));
            let Some(whole) = whole else { return false };
            let fitting = match ty.format() {
                // The low half of the bits, whatever sign they give.
                Some("int32") => i64::from(whole as i32),
                _ => whole,
            };
            cut = number.as_i64() != Some(fitting);
            *value = fitting.into();
        }
        (TypeKind::List, Value::Array(list)) => {
            if let Some(items) = ty.items() {
                list.iter_mut().for_each(|item| cut |= cut_integers(item, items));
            }
        }
        (TypeKind::Map, Value::Object(map)) => {
            if let Some(values) = ty.values() {
                map.values_mut().for_each(|value| cut |= cut_integers(value, values));
            }
        }
        (TypeKind::Object, Value::Object(map)) => {
            for (name, value) in map {
                if let Some(field) = ty.field(name) {
                    cut |= cut_integers(value, field);
                }
            }
        }
        _ => {}
    }
    cut
}

/// A number without a fraction; one that 64 bits cannot hold becomes the lowest that they can.
fn from_float(number: f64) -> Option<i64> {
    const BOUND: f64 = 9_223_372_036_854_775_808.0;
    if number.fract() != 0.0 {
        return None;
    }
    Some(if (-BOUND..BOUND).contains(&number) { number as i64 } else { i64::MIN })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case::fits(json!(3), json!(3), false)]
    #[case::too_large(json!(99_999_999_999_i64), json!(1_215_752_191), true)]
    #[case::too_low(json!(-99_999_999_999_i64), json!(-1_215_752_191), true)]
    #[case::no_fraction(json!(1e3), json!(1000), true)]
    #[case::fraction(json!(1.5), json!(1.5), false)]
    fn numbers_are_cut_to_their_fields(#[case] sent: Value, #[case] want: Value, #[case] cut: bool) {
        let ty = seatrial_schema::kubernetes().type_of("apps/v1", "Deployment").unwrap();
        let mut object = json!({"spec": {"replicas": sent}});
        assert_eq!(cut_integers(&mut object, ty), cut);
        assert_eq!(object, json!({"spec": {"replicas": want}}));
    }
}
