//! What becomes of a value: what a method, a pattern or a statement does to it.
//!
//! Runs on: the threads that read files. Must not: call it thrown away where somebody may look at it.

use syn::Expr;

use super::env::{Env, strip};
use super::finder;
use super::kind::{Core, Kind, Wrap};

/// What runs for a pattern.
#[derive(Clone, Copy)]
pub(super) enum Body<'a> {
    Expr(&'a Expr),
    Block(&'a syn::Block),
}

/// A case of a `match`, or of what is like one: its pattern (`None`: all that is left), its guard, and what runs.
pub(super) type Arm<'a> = (Option<&'a syn::Pat>, Option<&'a Expr>, Option<Body<'a>>);

/// What becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Kept, passed on or returned.
    Used,
    /// Gone, and how.
    Dropped(String),
    Joined,
    Awaited,
    /// The panic goes on.
    Carried,
    /// Somebody looks at the error.
    Read,
    /// The error is thrown away unread, and how.
    Swallowed(String),
    /// The same, and somebody is told that there was one.
    Lost(String),
    /// A test asserts it.
    Asserted,
    /// Asked something that changes nothing.
    Neutral,
}

impl Fate {
    /// The one that matters most of several.
    pub(super) fn sum(all: &[Self], nothing: &str) -> Self {
        let rank = |fate: &Self| match fate {
            Self::Read => 9,
            Self::Carried => 8,
            Self::Joined | Self::Awaited => 7,
            Self::Used => 6,
            Self::Lost(_) => 5,
            Self::Asserted => 4,
            Self::Swallowed(_) => 3,
            Self::Dropped(_) => 2,
            Self::Neutral => 1,
        };
        match all.iter().max_by_key(|fate| rank(fate)) {
            None | Some(Self::Neutral) => Self::Dropped(nothing.to_owned()),
            Some(fate) => fate.clone(),
        }
    }
}

/// What a method does to its receiver, when this becomes of its own value.
pub(super) fn of_method(env: &Env<'_>, of: Kind, name: &str, args: &[&Expr], fate: Fate) -> Fate {
    let how = || format!("`.{name}()`");
    match (of.core, of.wrap) {
        (Core::Handle(_), Wrap::Bare) => {
            match name {
                "join" => Fate::Joined,
                "detach" => Fate::Dropped(how()),
                "is_finished" | "thread" | "id" | "abort_handle" | "task" => {
                    if matches!(fate, Fate::Dropped(_)) { fate } else { Fate::Neutral }
                }
                _ => Fate::Used,
            }
        }
        (Core::Handle(_), Wrap::Many) => match name {
            "push" | "push_back" | "insert" | "reserve" | "len" | "is_empty" | "with_capacity" | "extend" => {
                Fate::Neutral
            }
            "iter" | "into_iter" | "drain" | "rev" | "collect" | "enumerate" | "map" | "iter_mut" => {
                match fate {
                    Fate::Dropped(_) => Fate::Used,
                    fate => fate,
                }
            }
            _ => Fate::Used,
        },
        (Core::Handle(_) | Core::Hook, Wrap::Option | Wrap::Result) => match name {
            "unwrap" | "expect" | "ok" | "take" | "map_err" | "context" | "with_context"
            | "unwrap_or_else" => fate,
            "is_ok" | "is_err" | "is_some" | "is_none" => Fate::Dropped(how()),
            _ => Fate::Used,
        },
        (Core::Outcome(_), Wrap::Bare) => of_outcome(env, name, args, fate),
        (Core::Outcome(_), Wrap::Option) => match name {
            "unwrap" | "expect" | "transpose" | "as_ref" | "take" => fate,
            "is_some" | "is_none" => asserted_or(env, Fate::Swallowed(how())),
            _ => Fate::Used,
        },
        (Core::Outcome(_), Wrap::Many) => match name {
            "len" | "is_empty" => Fate::Neutral,
            "iter" | "into_iter" | "drain" | "enumerate" | "rev" => fate,
            "for_each" if args.first().is_some_and(|arg| is_drop(env, arg)) => {
                Fate::Swallowed("`for_each(drop)`".to_owned())
            }
            "flatten" | "filter_map" | "flat_map" => match name {
                "flatten" => Fate::Swallowed(how()),
                _ if args.first().is_some_and(|arg| is_result_ok(arg)) => Fate::Swallowed(how()),
                _ => Fate::Used,
            },
            _ => Fate::Used,
        },
        (Core::Outcome(_), _) => Fate::Used,
        (Core::Object(super::kind::Object::JoinSet), Wrap::Bare) => match name {
            "len" | "is_empty" => Fate::Neutral,
            name if name.starts_with("spawn") => Fate::Neutral,
            "abort_all" => Fate::Neutral,
            "detach_all" | "shutdown" => Fate::Dropped(how()),
            _ => Fate::Used,
        },
        _ => Fate::Used,
    }
}

fn of_outcome(env: &Env<'_>, name: &str, args: &[&Expr], fate: Fate) -> Fate {
    let how = || format!("`.{name}()`");
    match name {
        "ok" if fate == Fate::Carried => fate,
        "unwrap" | "expect" | "expect_err" | "unwrap_err" | "into_ok" => match name {
            "expect_err" | "unwrap_err" => match fate {
                Fate::Dropped(_) => asserted_or(env, Fate::Swallowed(how())),
                _ => Fate::Used,
            },
            _ => Fate::Carried,
        },
        "ok" | "is_ok" | "is_err" | "unwrap_or" | "unwrap_or_default" | "iter" | "map_or" | "is_ok_and" => {
            asserted_or(env, Fate::Swallowed(how()))
        }
        "err" => match fate {
            Fate::Dropped(_) => Fate::Swallowed(how()),
            _ => Fate::Used,
        },
        "as_ref" | "as_mut" | "as_deref" | "map" | "and_then" | "inspect" | "flatten" => fate,
        "unwrap_or_else" | "map_err" | "or_else" | "map_or_else" | "inspect_err" | "is_err_and" => {
            let Some(closure) = args.first().map(|arg| strip(arg)) else { return Fate::Used };
            match closure {
                Expr::Closure(closure) => match of_closure(env, closure) {
                    Some(fate @ (Fate::Read | Fate::Carried)) => fate,
                    Some(Fate::Lost(_)) => Fate::Lost(how()),
                    Some(Fate::Swallowed(_)) if name == "map_err" => Fate::Lost(how()),
                    Some(Fate::Swallowed(_)) if name == "inspect_err" => fate,
                    Some(Fate::Swallowed(_)) => Fate::Swallowed(how()),
                    _ => Fate::Used,
                },
                _ if is_drop(env, closure) => Fate::Swallowed(how()),
                // A function is given the payload.
                _ => Fate::Read,
            }
        }
        _ => Fate::Used,
    }
}

/// What a closure does with the payload that it is given.
fn of_closure(env: &Env<'_>, closure: &syn::ExprClosure) -> Option<Fate> {
    let pattern = closure.inputs.first()?;
    Some(of_error(env, pattern, None, Body::Expr(&closure.body)))
}

/// What an arm does with the payload that its pattern takes.
pub(super) fn of_error(env: &Env<'_>, pattern: &syn::Pat, guard: Option<&Expr>, body: Body<'_>) -> Fate {
    match pattern {
        syn::Pat::Type(of) => of_error(env, &of.pat, guard, body),
        syn::Pat::Ident(name) if name.subpat.is_none() => {
            let name = super::names::plain(&name.ident);
            let mut found = finder::uses(env, &name, None, guard.map(Body::Expr));
            found.extend(finder::uses(env, &name, None, Some(body)));
            match Fate::sum(&found, "") {
                Fate::Dropped(_) => unread(env, body, &format!("`{name}` is never read")),
                Fate::Carried => Fate::Carried,
                _ => Fate::Read,
            }
        }
        syn::Pat::Wild(_) => unread(env, body, "`_`"),
        syn::Pat::Rest(_) => unread(env, body, "`..`"),
        _ => Fate::Read,
    }
}

/// What a body does for an error that it does not look at.
fn unread(env: &Env<'_>, body: Body<'_>, how: &str) -> Fate {
    if super::tells::carries_on(env, body) {
        Fate::Carried
    } else if super::tells::tells(env, body) {
        Fate::Lost(how.to_owned())
    } else {
        Fate::Swallowed(how.to_owned())
    }
}

/// What a pattern lets through of the error of an outcome.
pub(super) enum Lets<'p> {
    /// It takes no error.
    Nothing,
    /// It takes the payload as this.
    Payload(&'p syn::Pat),
    /// It takes the whole outcome as this name.
    Whole(String),
    /// It takes all that is left, without a name.
    Rest,
    /// It looks into the error.
    Looks,
}

pub(super) fn lets<'p>(pattern: &'p syn::Pat, of: Kind) -> Lets<'p> {
    match pattern {
        syn::Pat::Wild(_) => Lets::Rest,
        syn::Pat::Paren(inner) => lets(&inner.pat, of),
        syn::Pat::Reference(inner) => lets(&inner.pat, of),
        syn::Pat::Ident(name) if name.subpat.is_none() && name.ident != "None" => {
            Lets::Whole(super::names::plain(&name.ident))
        }
        syn::Pat::Ident(_) | syn::Pat::Path(_) => Lets::Nothing,
        syn::Pat::Or(cases) => {
            let mut found = Lets::Nothing;
            for case in &cases.cases {
                match lets(case, of) {
                    Lets::Nothing => {}
                    other => found = other,
                }
            }
            found
        }
        syn::Pat::TupleStruct(inner) => {
            let name = inner.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
            match (name.as_str(), of.wrap, inner.elems.first()) {
                ("Some", Wrap::Option, Some(pattern)) => lets(pattern, Kind::bare(of.core)),
                ("Err", Wrap::Bare, Some(pattern)) => Lets::Payload(pattern),
                ("Ok", ..) => Lets::Nothing,
                _ => Lets::Looks,
            }
        }
        _ => Lets::Looks,
    }
}

/// What becomes of an outcome that is matched.
pub(super) fn of_match(env: &Env<'_>, of: Kind, arms: &[Arm<'_>]) -> Fate {
    let mut found = Vec::new();
    for (pattern, guard, body) in arms {
        let fate = match (pattern.map(|pattern| lets(pattern, of)), body) {
            (Some(Lets::Nothing), _) => continue,
            (Some(Lets::Looks), _) => Fate::Read,
            (Some(Lets::Payload(pattern)), Some(body)) => of_error(env, pattern, *guard, *body),
            (Some(Lets::Whole(name)), body) => {
                let kind = Some(Kind::bare(of.core));
                let mut uses = finder::uses(env, &name, kind, guard.map(Body::Expr));
                uses.extend(finder::uses(env, &name, kind, *body));
                as_outcome(Fate::sum(&uses, &format!("`{name}` is never read")))
            }
            // What no arm before has taken; the `else` of an `if let`.
            (Some(Lets::Rest) | None, Some(body)) => unread(env, *body, "`_`"),
            (Some(Lets::Payload(_) | Lets::Rest) | None, None) => {
                Fate::Swallowed("the error is not looked at".to_owned())
            }
        };
        // An error that an earlier arm has looked at is no longer among the rest.
        let is_rest = matches!(pattern.map(|pattern| lets(pattern, of)), Some(Lets::Rest) | None);
        if is_rest && !found.is_empty() {
            continue;
        }
        found.push(fate);
    }
    asserted_or(env, Fate::sum(&found, "the error is not looked at"))
}

/// An outcome that is dropped is swallowed.
pub(super) fn as_outcome(fate: Fate) -> Fate {
    match fate {
        Fate::Dropped(how) => Fate::Swallowed(how),
        fate => fate,
    }
}

fn asserted_or(env: &Env<'_>, fate: Fate) -> Fate {
    if env.asserting.get() && matches!(fate, Fate::Swallowed(_)) { Fate::Asserted } else { fate }
}

/// `drop`, as a function that is passed on.
fn is_drop(env: &Env<'_>, expr: &Expr) -> bool {
    let Expr::Path(path) = strip(expr) else { return false };
    matches!(
        env.meant(&path.path),
        Some((super::env::Called::Known(super::known::Does::Drop | super::known::Does::Forget), ..))
    )
}

/// `Result::ok`.
fn is_result_ok(expr: &Expr) -> bool {
    let Expr::Path(path) = strip(expr) else { return false };
    super::names::text(&path.path).ends_with("Result::ok")
}

/// What becomes of a handle that is matched: of what the patterns give a name.
pub(super) fn of_match_handle(env: &Env<'_>, of: Kind, arms: &[Arm<'_>]) -> Fate {
    let mut found = Vec::new();
    for (pattern, guard, body) in arms {
        let Some((constructor, inner)) = pattern.and_then(constructor) else { continue };
        match (constructor.as_str(), inner) {
            ("Ok" | "Some", syn::Pat::Wild(_)) => found.push(Fate::Dropped(format!("`{constructor}(_)`"))),
            ("Ok" | "Some", pattern) => {
                let Some(name) = name_of(pattern) else {
                    found.push(Fate::Used);
                    continue;
                };
                let kind = Some(Kind::bare(of.core));
                let mut uses = finder::uses(env, &name, kind, guard.map(Body::Expr));
                uses.extend(finder::uses(env, &name, kind, *body));
                found.push(Fate::sum(&uses, &format!("`{name}` is never used")));
            }
            _ => {}
        }
    }
    Fate::sum(&found, "only the error is looked at")
}

/// `Some(x)`: its name, and what is inside.
fn constructor(pattern: &syn::Pat) -> Option<(String, &syn::Pat)> {
    let syn::Pat::TupleStruct(of) = pattern else { return None };
    Some((of.path.segments.last()?.ident.to_string(), of.elems.first()?))
}

/// The one name that a pattern gives, or the last of a pair.
pub(super) fn name_of(pattern: &syn::Pat) -> Option<String> {
    match pattern {
        syn::Pat::Ident(name) if name.subpat.is_none() => Some(super::names::plain(&name.ident)),
        syn::Pat::Type(of) => name_of(&of.pat),
        syn::Pat::Paren(of) => name_of(&of.pat),
        syn::Pat::Reference(of) => name_of(&of.pat),
        syn::Pat::Tuple(of) => name_of(of.elems.last()?),
        _ => None,
    }
}
