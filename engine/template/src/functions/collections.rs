//! Sprig's functions over lists, maps, and values of any type.

use std::rc::Rc;

use super::Type::{Any, Bool, Int, Map as MapType, Text};
use super::{Called, Function, fixed, int, open, shown, text};
use crate::value::{Map, Value};

pub(super) static TABLE: &[Function] = &[
    open("default", &[Any], Any, |v| Ok(v.get(1).filter(|given| given.truth()).unwrap_or(&v[0]).clone())),
    fixed("empty", &[Any], |v| Ok(Value::Bool(!v[0].truth()))),
    open("coalesce", &[], Any, |v| Ok(v.iter().find(|value| value.truth()).cloned().unwrap_or(Value::Nil))),
    open("all", &[], Any, |v| Ok(Value::Bool(v.iter().all(Value::truth)))),
    open("any", &[], Any, |v| Ok(Value::Bool(v.iter().any(Value::truth)))),
    fixed("ternary", &[Any, Any, Bool], |v| Ok(v[if v[2].truth() { 0 } else { 1 }].clone())),
    fixed("kindOf", &[Any], |v| Ok(Value::from(v[0].kind()))),
    fixed("kindIs", &[Text, Any], |v| Ok(Value::Bool(text(v, 0) == v[1].kind()))),
    fixed("deepEqual", &[Any, Any], |v| Ok(Value::Bool(v[0].same(&v[1])))),
    fixed("deepCopy", &[Any], |v| Ok(copy(&v[0]))),
    fixed("mustDeepCopy", &[Any], |v| Ok(copy(&v[0]))),
    open("list", &[], Any, |v| Ok(Value::list(v.iter().cloned()))),
    open("tuple", &[], Any, |v| Ok(Value::list(v.iter().cloned()))),
    fixed("first", &[Any], |v| Ok(items(v, 0, "first")?.first().cloned().unwrap_or(Value::Nil))),
    fixed("mustFirst", &[Any], |v| Ok(items(v, 0, "first")?.first().cloned().unwrap_or(Value::Nil))),
    fixed("last", &[Any], |v| Ok(items(v, 0, "last")?.last().cloned().unwrap_or(Value::Nil))),
    fixed("mustLast", &[Any], |v| Ok(items(v, 0, "last")?.last().cloned().unwrap_or(Value::Nil))),
    fixed("rest", &[Any], |v| part(&items(v, 0, "rest")?, |all| &all[1..])),
    fixed("mustRest", &[Any], |v| part(&items(v, 0, "rest")?, |all| &all[1..])),
    fixed("initial", &[Any], |v| part(&items(v, 0, "initial")?, |all| &all[..all.len() - 1])),
    fixed("mustInitial", &[Any], |v| part(&items(v, 0, "initial")?, |all| &all[..all.len() - 1])),
    fixed("reverse", &[Any], |v| Ok(Value::list(items(v, 0, "reverse")?.iter().rev().cloned()))),
    fixed("mustReverse", &[Any], |v| Ok(Value::list(items(v, 0, "reverse")?.iter().rev().cloned()))),
    fixed("uniq", &[Any], uniq),
    fixed("mustUniq", &[Any], uniq),
    open("without", &[Any], Any, without),
    open("mustWithout", &[Any], Any, without),
    fixed("compact", &[Any], compact),
    fixed("mustCompact", &[Any], compact),
    fixed("has", &[Any, Any], has),
    fixed("mustHas", &[Any, Any], has),
    fixed("append", &[Any, Any], append),
    fixed("push", &[Any, Any], append),
    fixed("mustAppend", &[Any, Any], append),
    fixed("mustPush", &[Any, Any], append),
    fixed("prepend", &[Any, Any], prepend),
    fixed("mustPrepend", &[Any, Any], prepend),
    open("concat", &[], Any, |v| {
        let mut all = Vec::new();
        for index in 0..v.len() {
            all.extend(items(v, index, "concat")?.iter().cloned());
        }
        Ok(Value::list(all))
    }),
    open("slice", &[Any], Any, slice),
    open("mustSlice", &[Any], Any, slice),
    fixed("chunk", &[Int, Any], chunk),
    fixed("mustChunk", &[Int, Any], chunk),
    open("dict", &[], Any, dict),
    fixed("get", &[MapType, Text], |v| {
        let map = map(v, 0)?;
        let found = map.borrow().get(text(v, 1)).cloned();
        Ok(found.unwrap_or_else(|| Value::from("")))
    }),
    fixed("set", &[MapType, Text, Any], |v| {
        let map = map(v, 0)?;
        no_cycle(&map, &v[2])?;
        map.borrow_mut().insert(Rc::from(text(v, 1)), v[2].clone());
        Ok(v[0].clone())
    }),
    fixed("unset", &[MapType, Text], |v| {
        map(v, 0)?.borrow_mut().remove(text(v, 1));
        Ok(v[0].clone())
    }),
    fixed("hasKey", &[MapType, Text], |v| Ok(Value::Bool(map(v, 0)?.borrow().contains_key(text(v, 1))))),
    open("pluck", &[Text], MapType, |v| {
        let mut all = Vec::new();
        for index in 1..v.len() {
            all.extend(map(v, index)?.borrow().get(text(v, 0)).cloned());
        }
        Ok(Value::list(all))
    }),
    open("keys", &[], MapType, |v| {
        let mut all = Vec::new();
        for index in 0..v.len() {
            all.extend(map(v, index)?.borrow().keys().map(|key| Value::Text(key.clone())));
        }
        Ok(Value::list(all))
    }),
    fixed("values", &[MapType], |v| Ok(Value::list(map(v, 0)?.borrow().values().cloned()))),
    open("pick", &[MapType], Text, |v| {
        let map = map(v, 0)?;
        let names: Vec<&str> = (1..v.len()).map(|index| text(v, index)).collect();
        Ok(filtered(&map, |key| names.contains(&key)))
    }),
    open("omit", &[MapType], Text, |v| {
        let map = map(v, 0)?;
        let names: Vec<&str> = (1..v.len()).map(|index| text(v, index)).collect();
        Ok(filtered(&map, |key| !names.contains(&key)))
    }),
    open("merge", &[MapType], MapType, |v| merge(v, false)),
    open("mustMerge", &[MapType], MapType, |v| merge(v, false)),
    open("mergeOverwrite", &[MapType], MapType, |v| merge(v, true)),
    open("mustMergeOverwrite", &[MapType], MapType, |v| merge(v, true)),
    open("dig", &[Any], Any, dig),
];

/// What Go panics with where a list is asked of nil.
const OF_NIL: &str = "runtime error: invalid memory address or nil pointer dereference";

fn items(v: &[Value], index: usize, name: &str) -> Result<Rc<[Value]>, String> {
    match &v[index] {
        Value::List(items) => Ok(items.clone()),
        Value::Missing | Value::Nil => Err(OF_NIL.into()),
        other => Err(format!("Cannot find {name} on type {}", other.kind())),
    }
}

fn map(v: &[Value], index: usize) -> Result<Map, String> {
    match &v[index] {
        Value::Map(map) => Ok(map.clone()),
        _ => Ok(Map::default()),
    }
}

/// Go runs out of stack where a map that contains itself is printed; here there is none.
fn no_cycle(map: &Map, value: &Value) -> Result<(), String> {
    fn contains(value: &Value, map: &Map) -> bool {
        match value {
            Value::Map(inner) => {
                Rc::ptr_eq(inner, map) || inner.borrow().values().any(|value| contains(value, map))
            }
            Value::List(items) => items.iter().any(|item| contains(item, map)),
            _ => false,
        }
    }
    if contains(value, map) { Err("a map that contains itself is not supported".into()) } else { Ok(()) }
}

fn part(all: &[Value], of: impl Fn(&[Value]) -> &[Value]) -> Called {
    Ok(if all.is_empty() { Value::list([]) } else { Value::list(of(all).iter().cloned()) })
}

fn copy(value: &Value) -> Value {
    match value {
        Value::List(items) => Value::list(items.iter().map(copy)),
        Value::Map(map) => Value::map(map.borrow().iter().map(|(key, value)| (key.clone(), copy(value)))),
        other => other.clone(),
    }
}

fn filtered(map: &Map, keep: impl Fn(&str) -> bool) -> Value {
    Value::map(
        map.borrow().iter().filter(|(key, _)| keep(key)).map(|(key, value)| (key.clone(), value.clone())),
    )
}

fn uniq(v: &[Value]) -> Called {
    let mut all: Vec<Value> = Vec::new();
    for item in items(v, 0, "uniq")?.iter() {
        if !all.iter().any(|known| known.same(item)) {
            all.push(item.clone());
        }
    }
    Ok(Value::list(all))
}

fn without(v: &[Value]) -> Called {
    let kept = items(v, 0, "without")?;
    Ok(Value::list(kept.iter().filter(|item| !v[1..].iter().any(|other| other.same(item))).cloned()))
}

fn compact(v: &[Value]) -> Called {
    Ok(Value::list(items(v, 0, "compact")?.iter().filter(|item| item.truth()).cloned()))
}

fn has(v: &[Value]) -> Called {
    if v[1].is_nil() {
        return Ok(Value::Bool(false));
    }
    Ok(Value::Bool(items(v, 1, "has")?.iter().any(|item| item.same(&v[0]))))
}

fn append(v: &[Value]) -> Called {
    match &v[0] {
        Value::List(items) => Ok(Value::list(items.iter().cloned().chain([v[1].clone()]))),
        Value::Missing | Value::Nil => Err(OF_NIL.into()),
        other => Err(format!("Cannot push on type {}", other.kind())),
    }
}

fn prepend(v: &[Value]) -> Called {
    match &v[0] {
        Value::List(items) => Ok(Value::list([v[1].clone()].into_iter().chain(items.iter().cloned()))),
        Value::Missing | Value::Nil => Err(OF_NIL.into()),
        other => Err(format!("Cannot prepend on type {}", other.kind())),
    }
}

fn slice(v: &[Value]) -> Called {
    let Value::List(all) = &v[0] else {
        return Err(format!("list should be type of slice or array but {}", v[0].kind()));
    };
    if all.is_empty() {
        return Ok(Value::Nil);
    }
    let at = |index: usize, otherwise: usize| match v.get(index) {
        Some(value) => usize::try_from(super::math::whole(value)).unwrap_or(usize::MAX),
        None => otherwise,
    };
    let (from, to) = (at(1, 0), at(2, all.len()));
    match all.get(from..to) {
        Some(piece) => Ok(Value::list(piece.iter().cloned())),
        None => Err("reflect.Value.Slice: slice index out of bounds".into()),
    }
}

fn chunk(v: &[Value]) -> Called {
    let Value::List(all) = &v[1] else { return Err(format!("Cannot chunk type {}", v[1].kind())) };
    match usize::try_from(int(v, 0)) {
        Ok(size) if size > 0 => {
            Ok(Value::list(all.chunks(size).map(|piece| Value::list(piece.iter().cloned()))))
        }
        _ => Err("runtime error: makeslice: len out of range".into()),
    }
}

fn dict(v: &[Value]) -> Called {
    Ok(Value::map(
        v.chunks(2)
            .map(|pair| (Rc::from(shown(&pair[0])), pair.get(1).cloned().unwrap_or_else(|| Value::from("")))),
    ))
}

/// Merges maps into the first one: what is empty there is taken from the next ones, or all of theirs wins.
fn merge(v: &[Value], overwrite: bool) -> Called {
    let target = map(v, 0)?;
    for index in 1..v.len() {
        merge_into(&target, &map(v, index)?, overwrite)?;
    }
    Ok(Value::Map(target))
}

fn merge_into(target: &Map, source: &Map, overwrite: bool) -> Result<(), String> {
    if Rc::ptr_eq(target, source) {
        return Ok(());
    }
    let entries: Vec<_> = source.borrow().iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    for (key, value) in entries {
        let existing = target.borrow().get(&key).cloned();
        match (&existing, &value) {
            (Some(Value::Map(inner)), Value::Map(other)) => merge_into(inner, other, overwrite)?,
            (Some(existing), _) if existing.truth() && !overwrite => {}
            _ => {
                no_cycle(target, &value)?;
                target.borrow_mut().insert(key, value);
            }
        }
    }
    Ok(())
}

/// `dig "a" "b" default map`
fn dig(v: &[Value]) -> Called {
    if v.len() < 3 {
        return Err("dig needs at least three arguments".into());
    }
    let (keys, rest) = v.split_at(v.len() - 2);
    let mut current = rest[1].clone();
    for (index, key) in keys.iter().enumerate() {
        let Value::Map(map) = &current else {
            let name = current.type_name();
            return Err(format!(
                "interface conversion: interface {{}} is {name}, not map[string]interface {{}}"
            ));
        };
        let Some(key) = key.as_text() else {
            return Err(format!("interface conversion: interface {{}} is {}, not string", key.type_name()));
        };
        let found = map.borrow().get(key).cloned();
        match found {
            Some(found) if index + 1 == keys.len() => return Ok(found),
            Some(found) => current = found,
            None => return Ok(rest[0].clone()),
        }
    }
    Ok(current)
}
