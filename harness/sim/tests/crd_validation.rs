//! Objects against structural schemas: what the real server answered, recorded in `data/crd_validation.json`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use rstest::rstest;
use seatrial_sim::crd_schema::CrdSchema;
use serde_json::{Value, json};

fn recorded() -> Value {
    serde_json::from_str(include_str!("data/crd_validation.json")).unwrap()
}

fn compile(spec: &Value) -> CrdSchema {
    let schema = json!({"type": "object", "properties": {"spec": spec}});
    CrdSchema::compile(Some(&schema), "x.io/v1", "T", "schema").unwrap()
}

/// Whether both are the same value; `2.0` is `2` once it was decoded.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(x), Value::Object(y)) => {
            x.len() == y.len() && x.iter().all(|(k, v)| y.get(k).is_some_and(|w| same(v, w)))
        }
        (Value::Number(x), Value::Number(y)) => x.as_f64() == y.as_f64(),
        _ => a == b,
    }
}

#[rstest]
#[case::structure(0)]
#[case::rules(1)]
fn recorded_objects_are_accepted_and_refused_as_by_the_real_server(#[case] which: usize) {
    let recorded = recorded();
    let recorded = &recorded["schemas"][which];
    let schema = compile(&recorded["schema"]);
    let mut wrong = Vec::new();
    for case in recorded["cases"].as_array().unwrap() {
        let mut object =
            json!({"apiVersion": "x.io/v1", "kind": "T", "metadata": {"name": "t"}, "spec": case["spec"]});
        schema.prune(&mut object);
        schema.default(&mut object);
        schema.drop_nulls(&mut object);
        let mut ours: Vec<[String; 3]> = schema
            .validate(&object, None)
            .into_iter()
            .map(|v| [v.reason.to_owned(), v.field, v.message])
            .collect();
        let mut real: Vec<[String; 3]> = match case.get("violations") {
            Some(violations) => serde_json::from_value(violations.clone()).unwrap(),
            None => Vec::new(),
        };
        // The real server walks fields in a random order.
        ours.sort();
        real.sort();
        if ours != real {
            wrong.push(format!("{}\n  ours {ours:?}\n  real {real:?}", case["spec"]));
        } else if real.is_empty() && !same(object.get("spec").unwrap_or(&Value::Null), &case["result"]) {
            wrong.push(format!("{}\n  ours {}\n  real {}", case["spec"], object["spec"], case["result"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn unknown_fields_are_removed_and_named_in_order() {
    let schema = compile(&recorded()["schemas"][0]["schema"]);
    let mut object = json!({"apiVersion": "x.io/v1", "kind": "T", "metadata": {"name": "t"}, "foo": 1, "spec": {
        "unknown": 1, "req": {"p": "", "q": "", "z": 1}, "m": [{"a": "1", "z": {"y": 1}}],
        "emb": {"apiVersion": "v1", "kind": "X", "metadata": {"foo": 1}, "kept": 1}}});
    let removed = schema.prune(&mut object);
    assert_eq!(removed, ["foo", "spec.m[0].z", "spec.req.z", "spec.unknown", "spec.emb.metadata.foo"]);
    assert_eq!(
        object["spec"],
        json!({"req": {"p": "", "q": ""}, "m": [{"a": "1"}],
            "emb": {"apiVersion": "v1", "kind": "X", "metadata": {}, "kept": 1}})
    );
}

#[rstest]
#[case::changed(json!({"imm": {"a": "2"}}), "spec.imm.a: Invalid value: \"2\": failed rule: self == oldSelf")]
#[case::removed(json!({"imm": {}}), "spec.imm: Invalid value: a required once set")]
#[case::item_found_by_its_key(
    json!({"ml": [{"k": "b", "v": "1"}, {"k": "a", "v": "2"}]}),
    "spec.ml[1].v: Invalid value: \"2\": v immutable"
)]
#[case::new_item(json!({"ml": [{"k": "a", "v": "1"}, {"k": "b", "v": "1"}, {"k": "c", "v": "9"}]}), "")]
#[case::unchanged(json!({}), "")]
fn rules_compare_with_the_old_object(#[case] change: Value, #[case] expected: &str) {
    let schema = compile(&recorded()["schemas"][1]["schema"]);
    let old =
        json!({"spec": {"imm": {"a": "1"}, "ml": [{"k": "a", "v": "1"}, {"k": "b", "v": "1"}], "i": 1}});
    let mut new = old.clone();
    for (key, value) in change.as_object().unwrap() {
        new["spec"][key] = value.clone();
    }
    let found: Vec<String> = schema.validate(&new, Some(&old)).iter().map(ToString::to_string).collect();
    assert_eq!(found.join("\n"), expected);
}

const SPEC: &str = "schema.properties[spec]";

#[rstest]
#[case(json!({"properties": {}}), ".properties[b].type: Required value: must not be empty for specified object fields")]
#[case(
    json!({"type": "zork"}),
    ".properties[b].type: Unsupported value: \"zork\": supported values: \"array\", \"boolean\", \"integer\", \
     \"number\", \"object\", \"string\""
)]
#[case(json!({"type": "array"}), ".properties[b].items: Required value: must be specified")]
#[case(json!({"type": "string", "default": 1}), ".properties[b].default: Invalid value: \"integer\":  in body must be of type string: \"integer\"")]
#[case(json!({"$ref": "#/x", "type": "object"}), ".properties[b].$ref: Forbidden: $ref is not supported")]
#[case(
    json!({"type": "string", "anyOf": [{"type": "string"}]}),
    ".properties[b].anyOf[0].type: Forbidden: must be empty to be structural"
)]
#[case(
    json!({"type": "array", "uniqueItems": true, "items": {"type": "string"}}),
    ".properties[b].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
)]
#[case(
    json!({"type": "array", "x-kubernetes-list-type": "map", "items": {"type": "object"}}),
    ".properties[b].x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map"
)]
#[case(
    json!({"type": "string", "const": "x"}),
    ".properties[b].const: Forbidden: the schema keyword const is not supported"
)]
fn a_schema_that_is_not_structural_is_refused(#[case] field: Value, #[case] expected: &str) {
    let schema =
        json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {"b": field}}}});
    let errors = CrdSchema::compile(Some(&schema), "x.io/v1", "T", "schema").unwrap_err();
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(errors, [format!("{SPEC}{expected}")]);
}

#[rstest]
#[case("self.a +", "compilation failed: ")]
#[case("math.abs(self.a) == 1", "compilation failed: ")]
#[case("quantity('1').isInteger()", "compilation failed: the function \"isInteger\" is not supported")]
#[case("foo(self)", "compilation failed: the function \"foo\" is not supported")]
#[case(
    "self.a < timestamp('2020-01-01T00:00:00Z')",
    "compilation failed: the function \"timestamp\" is not supported"
)]
#[case(
    "self.b == 1",
    "compilation failed: ERROR: <input>:1:5: undefined field 'b'\n | self.b == 1\n | ....^"
)]
#[case("oldSelf.a == self.zork", "undefined field 'zork'")]
#[case("other == 1", "undeclared reference to 'other' (in container '')")]
#[case("[1].exists(x, x == y)", "undeclared reference to 'y' (in container '')")]
#[case("self.a", "cel expression must evaluate to a bool")]
fn a_rule_that_cannot_be_evaluated_is_refused_with_the_definition(
    #[case] rule: &str,
    #[case] expected: &str,
) {
    let schema = json!({"type": "object", "properties": {"spec": {"type": "object",
        "properties": {"a": {"type": "integer"}}, "x-kubernetes-validations": [{"rule": rule}]}}});
    let errors = CrdSchema::compile(Some(&schema), "x.io/v1", "T", "schema").unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(errors[0].field, format!("{SPEC}.x-kubernetes-validations[0].rule"));
    assert!(errors[0].message.contains(expected), "{}", errors[0]);
}

#[rstest]
#[case("self.s.matches('^a+$')", json!({"s": "aaa"}), true)]
#[case("self.s.matches('^a+$')", json!({"s": "ab"}), false)]
#[case("self.l.all(x, x.startsWith('a'))", json!({"l": ["a", "ab"]}), true)]
#[case("self.l.exists_one(x, x == 'a')", json!({"l": ["a", "a"]}), false)]
#[case("self.l.isSorted()", json!({"l": ["b", "a"]}), false)]
#[case("self.l.map(x, size(x)).sum() == 3", json!({"l": ["a", "bc"]}), true)]
#[case("self.s.find('[0-9]+') == '12'", json!({"s": "a12b"}), true)]
#[case("self.s.findAll('[0-9]') == ['1', '2']", json!({"s": "a1b2"}), true)]
#[case("size(self.s) < 3 && self.s.lowerAscii() == 'ab'", json!({"s": "AB"}), true)]
#[case("self.n == 2.0", json!({"n": 2}), true)]
#[case("self.s.split(',').size() == 2", json!({"s": "a,b"}), true)]
#[case("'k' in self.m && self.m['k'] == 1", json!({"m": {"k": 1}}), true)]
#[case("!has(self.s) || self.s in ['a', 'b']", json!({}), true)]
#[case("self.__namespace__ == 'x' && self.a__dash__b == 1", json!({"namespace": "x", "a-b": 1}), true)]
#[case("type(self.ios) == int ? self.ios > 1 : self.ios == 'a'", json!({"ios": "a"}), true)]
#[case("self.?s.orValue('x') == 'x'", json!({}), true)]
#[case("optional.of(self.l).hasValue() && lists.range(2) == [0, 1]", json!({"l": ["a"]}), true)]
#[case("self.?s.hasValue()", json!({"s": "a"}), true)]
#[case("isURL(self.s) && isIP('10.0.0.1') && !isCIDR('10.0.0.1') && isQuantity('100m')", json!({"s": "https://a"}), true)]
#[case("self.l.all(i, self.l.filter(j, i == j).size() == 1)", json!({"l": ["a", "b"]}), true)]
#[case("self.l == ['a'] || self.l.exists(x, x.contains('b'))", json!({"l": ["a", "ab"]}), true)]
#[case("self.m.all(k, self.m[k] > 0)", json!({"m": {"a": 1, "b": 0}}), false)]
#[case("'%s-%d'.format([self.s, 1]) == 'a-1' && strings.quote(self.s) == '\"a\"'", json!({"s": "a"}), true)]
#[case("self.l.distinct().sort() == ['a', 'b'] && self.l.slice(0, 1) == ['b']", json!({"l": ["b", "a", "b"]}), true)]
#[case("self.s.replace('a', 'b').substring(0, 1) == 'b' ? true : false", json!({"s": "ab"}), true)]
#[case("int(self.s) % 2 == 0 && string(int(self.s)) == self.s", json!({"s": "4"}), true)]
fn rules_have_the_functions_of_kubernetes(#[case] rule: &str, #[case] value: Value, #[case] holds: bool) {
    let spec = json!({"type": "object", "x-kubernetes-validations": [{"rule": rule}], "properties": {
        "s": {"type": "string"}, "n": {"type": "number"}, "l": {"type": "array", "items": {"type": "string"}},
        "m": {"type": "object", "additionalProperties": {"type": "integer"}}, "namespace": {"type": "string"},
        "a-b": {"type": "integer"}, "ios": {"x-kubernetes-int-or-string": true}}});
    let found = compile(&spec).validate(&json!({"spec": value}), None);
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    let expected = if holds { Vec::new() } else { vec![format!("spec: Invalid value: failed rule: {rule}")] };
    assert_eq!(found, expected);
}

#[rstest]
#[case("self.metadata.name.startsWith('a')", "a", true)]
#[case("self.metadata.name.startsWith('a')", "b", false)]
#[case("self.kind == 'T' && self.apiVersion == 'x.io/v1' && self.spec.n == 1", "a", true)]
fn rules_of_the_root_see_the_name_and_the_kind(#[case] rule: &str, #[case] name: &str, #[case] holds: bool) {
    // As controller-gen writes it: the identity is declared, too.
    let schema = json!({"type": "object", "x-kubernetes-validations": [{"rule": rule}], "properties": {
        "apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"},
        "spec": {"type": "object", "properties": {"n": {"type": "integer"}}}}});
    let schema = CrdSchema::compile(Some(&schema), "x.io/v1", "T", "schema").unwrap();
    let object = json!({"apiVersion": "x.io/v1", "kind": "T", "metadata": {"name": name}, "spec": {"n": 1}});
    let found: Vec<String> = schema.validate(&object, None).iter().map(ToString::to_string).collect();
    let expected =
        if holds { Vec::new() } else { vec![format!("<nil>: Invalid value: failed rule: {rule}")] };
    assert_eq!(found, expected);
}
