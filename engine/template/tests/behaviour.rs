//! What Go has no recording for: values with methods, limits, refusals.

use std::rc::Rc;

use seatrial_template::{Functions, Record, Template, Value, render};

fn rendered(template: &str) -> String {
    match render("t", template, &serde_json::json!({}), Functions::Sprig) {
        Ok(out) => out,
        Err(error) => error.to_string(),
    }
}

fn image() -> Value {
    let mut record = Record { type_name: "update.ImageRef".into(), ..Record::default() };
    record.text = Some(Rc::from("btoll/debug:1.0.1"));
    record.fields = vec![("Policy".into(), Value::text("debug"))];
    record.methods.insert("Name".into(), Rc::new(|_| Ok(Value::text("btoll/debug"))));
    record.methods.insert(
        "Plus".into(),
        Rc::new(|given| match given {
            [Value::Int(number)] => Ok(Value::Int(number + 1)),
            _ => Err("wants a number".into()),
        }),
    );
    Value::Record(Rc::new(record))
}

#[test]
fn structs_have_fields_methods_and_a_text() {
    let cases = [
        ("{{.}}", "btoll/debug:1.0.1"),
        ("{{println .}}", "btoll/debug:1.0.1\n"),
        ("{{printf \"%s %v %q\" . . .}}", "btoll/debug:1.0.1 btoll/debug:1.0.1 \"btoll/debug:1.0.1\""),
        ("{{.Name}} {{.Policy}}", "btoll/debug debug"),
        ("{{.Plus 2}} {{3 | .Plus}}", "3 4"),
        ("{{.Plus}}", "template: t:1:2: executing \"t\" at <.Plus>: error calling Plus: wants a number"),
        (
            "{{.Nope}}",
            "template: t:1:2: executing \"t\" at <.Nope>: can't evaluate field Nope in type update.ImageRef",
        ),
        (
            "{{.Policy 1}}",
            "template: t:1:2: executing \"t\" at <.Policy>: Policy has arguments but cannot be invoked as function",
        ),
        ("{{toJson .}}", "{\"Policy\":\"debug\"}"),
    ];
    for (template, wanted) in cases {
        let out = Template::parse("t", template, Functions::Sprig)
            .and_then(|template| template.render(&image()))
            .unwrap_or_else(|error| error.to_string());
        assert_eq!(out, wanted, "{template}");
    }
}

#[test]
fn maps_with_structs_as_keys_are_ranged_over_in_their_order() {
    let pairs = Value::Pairs(Rc::from([(image(), Value::Int(1)), (image(), Value::Int(2))]));
    let template = "{{range $key, $value := .}}{{$key.Name}}={{$value}} {{end}}{{len .}} {{.}}";
    let out = Template::parse("t", template, Functions::Builtin).and_then(|template| template.render(&pairs));
    let wanted = "btoll/debug=1 btoll/debug=2 2 map[btoll/debug:1.0.1:1 btoll/debug:1.0.1:2]";
    assert_eq!(out.as_deref(), Ok(wanted));
}

#[test]
fn what_needs_more_than_its_arguments_is_refused_by_name() {
    let cases = [
        ("now", "it deals with the time"),
        ("env \"HOME\"", "it reads the environment"),
        ("expandenv \"$HOME\"", "it reads the environment"),
        ("getHostByName \"a\"", "it reaches the network"),
        ("randAlphaNum 5", "it needs chance"),
        ("genPrivateKey \"rsa\"", "it makes keys, certificates or passwords"),
    ];
    for (call, reason) in cases {
        let name = call.split(' ').next().unwrap_or_default();
        let wanted = format!("template: t:1: function \"{name}\" is not supported: {reason}");
        assert_eq!(rendered(&format!("{{{{{call}}}}}")), wanted);
        let plain = render("t", &format!("{{{{{call}}}}}"), &serde_json::Value::Null, Functions::Builtin);
        let wanted = format!("template: t:1: function \"{name}\" not defined");
        assert_eq!(plain.map_err(|error| error.to_string()), Err(wanted));
    }
}

#[test]
fn what_would_not_end_is_stopped() {
    let deep = format!("{}1{}", "{{if true}}".repeat(101), "{{end}}".repeat(101));
    let parens = format!("{{{{{}1{}}}}}", "(".repeat(101), ")".repeat(101));
    let cases = [
        (
            "{{define \"a\"}}{{template \"a\"}}{{end}}{{template \"a\"}}",
            "exceeded maximum template depth (150)",
        ),
        ("{{range 100000}}{{range 100000}}{{end}}{{end}}", "more than 10000000 steps are not supported"),
        (
            "{{$x := repeat 16000000 \"x\"}}{{range 10}}{{$x}}{{end}}",
            "more than 67108864 bytes of output are not supported",
        ),
        ("{{repeat 100000000 \"x\"}}", "a text of more than 16 MiB is not supported"),
        ("{{until 100000000}}", "more than 1000000 numbers are not supported"),
        ("{{$d := dict}}{{$_ := set $d \"d\" $d}}", "a map that contains itself is not supported"),
        (
            "{{$d := dict}}{{$_ := merge $d (dict \"d\" (list $d))}}",
            "a map that contains itself is not supported",
        ),
        (&deep, "nesting deeper than 100 is not supported"),
        (&parens, "nesting deeper than 100 is not supported"),
    ];
    for (template, wanted) in cases {
        let out = rendered(template);
        assert!(
            out.contains(wanted),
            "{}: {}",
            &template[..40.min(template.len())],
            &out[..200.min(out.len())]
        );
    }
}

#[test]
fn a_character_is_never_cut_in_two() {
    for call in ["trunc 1 \"é\"", "substr 0 1 \"é\"", "trunc -1 \"é\"", "abbrev 4 \"éééééé\""] {
        assert!(rendered(&format!("{{{{{call}}}}}")).contains("cutting a character in two is not supported"));
    }
    let out = render("t", "{{slice \"é\" 1}}", &serde_json::Value::Null, Functions::Builtin);
    assert!(out.is_err_and(|error| error.to_string().contains("cutting a character")));
}

#[test]
fn one_parse_serves_many_renderings() {
    let template = Template::parse("t", "{{.n}}", Functions::Builtin).expect("it parses");
    for number in 0..3 {
        let data = Value::from(&serde_json::json!({ "n": number }));
        assert_eq!(template.render(&data), Ok(number.to_string()));
    }
}
