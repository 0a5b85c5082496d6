//! `let` and patterns: which names values get, and what becomes of them under these.
//!
//! Runs on: the threads that read files. Must not: let a name keep the meaning of one that it hides.

use syn::{Expr, Pat, Stmt};

use super::env::Env;
use super::fate::{Body, Fate, name_of};
use super::finder;
use super::flow::{Flow, scrutinee};
use super::kind::{Kind, Object, Wrap};

/// A `let`; the name that it gives.
pub(super) fn local<'i, F: Flow<'i>>(
    f: &mut F,
    local: &syn::Local,
    rest: &[Stmt],
    end: Option<proc_macro2::Span>,
) -> Option<String> {
    let semicolon = Some(local.semi_token.span);
    let begin = Some(local.let_token.span);
    let (pattern, typed) = match &local.pat {
        Pat::Type(typed) => (&*typed.pat, Some(&*typed.ty)),
        other => (other, None),
    };
    let Some(init) = &local.init else {
        bind(f.env(), &local.pat, None);
        return name_of(pattern);
    };
    let of = f.env().kind_of(&init.expr).or_else(|| f.env().of_type(typed?));
    match (pattern, &*init.expr) {
        (Pat::Wild(_), init) => {
            f.statement(begin, semicolon);
            f.flow(init, Fate::Dropped("`let _ =`".to_owned()));
        }
        (Pat::Tuple(names), Expr::Tuple(values)) if names.elems.len() == values.elems.len() => {
            f.statement(begin, end);
            for (pattern, value) in names.elems.iter().zip(&values.elems) {
                let of = f.env().kind_of(value);
                let becomes = named(f.env(), pattern, of, rest);
                f.flow(value, becomes);
                bind(f.env(), pattern, of);
            }
        }
        (Pat::Ident(name), init) if is_empty_list(init) => {
            let name = super::names::plain(&name.ident);
            f.flow(init, Fate::Used);
            if let Some(kind) = finder::put_into(f.env(), &name, rest) {
                let uses = finder::uses_in(f.env(), &name, Some(kind), rest);
                let fate = Fate::sum(&uses, &format!("`{name}` is never joined"));
                f.env().bind_collection(&name, kind, fate);
                return Some(name);
            }
        }
        (Pat::Ident(name), init) => {
            let becomes = named(f.env(), pattern, of, rest);
            f.statement(begin, if of.is_some() { end } else { semicolon });
            if let Some(set) = of.filter(|of| *of == Kind::object(Object::JoinSet)) {
                // What becomes of the set becomes of what is spawned in it.
                let name = super::names::plain(&name.ident);
                f.flow(init, Fate::Used);
                f.env().bind_collection(&name, set, becomes);
                return Some(name);
            }
            f.flow(init, becomes);
        }
        (pattern, value) => {
            let other = init.diverge.as_ref().map(|(_, other)| &**other);
            let arms = [(Some(pattern), None, None), (None, None, other.map(Body::Expr))];
            let arms = if other.is_some() { &arms[..] } else { &arms[..1] };
            f.statement(begin, semicolon);
            scrutinee(f, value, of.filter(|_| other.is_some()), arms);
        }
    }
    if let Some((_, other)) = &init.diverge {
        f.flow(other, Fate::Used);
    }
    bind(f.env(), &local.pat, of);
    name_of(pattern)
}

/// `Vec::new()` and what is like it.
fn is_empty_list(expr: &Expr) -> bool {
    match expr {
        Expr::Call(call) => match &*call.func {
            Expr::Path(path) => {
                let text = super::names::text(&path.path);
                let (of, name) = text.rsplit_once("::").unwrap_or_default();
                matches!(name, "new" | "with_capacity" | "default")
                    && matches!(of.rsplit("::").next(), Some("Vec" | "VecDeque" | "HashMap" | "BTreeMap"))
            }
            _ => false,
        },
        Expr::Macro(mac) => mac.mac.path.is_ident("vec") && mac.mac.tokens.is_empty(),
        _ => false,
    }
}

/// What becomes of a value that gets a name.
fn named(env: &Env<'_>, pattern: &Pat, of: Option<Kind>, rest: &[Stmt]) -> Fate {
    let Some(of) = of else { return Fate::Used };
    match pattern {
        Pat::Wild(_) => Fate::Dropped("`_`".to_owned()),
        _ => match name_of(pattern) {
            Some(name) => {
                let uses = finder::uses_in(env, &name, Some(of), rest);
                // A list that handles are only put into is as good as none.
                let nothing = if uses.is_empty() { "is never used" } else { "is never joined" };
                Fate::sum(&uses, &format!("`{name}` {nothing}"))
            }
            None => Fate::Used,
        },
    }
}

/// Gives names their kinds; a name that is of no interest hides one that was.
pub(super) fn bind(env: &Env<'_>, pattern: &Pat, of: Option<Kind>) {
    match pattern {
        Pat::Ident(name) => env.bind(&super::names::plain(&name.ident), of),
        Pat::Type(typed) => bind(env, &typed.pat, of.or_else(|| env.of_type(&typed.ty))),
        Pat::Paren(inner) => bind(env, &inner.pat, of),
        Pat::Reference(inner) => bind(env, &inner.pat, of),
        Pat::Tuple(inner) => {
            for (number, pattern) in inner.elems.iter().enumerate() {
                // Of `enumerate` and of maps: the last one is the value.
                bind(env, pattern, of.filter(|_| number + 1 == inner.elems.len()));
            }
        }
        Pat::TupleStruct(inner) => {
            let name = inner.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
            let taken = match (name.as_str(), of) {
                ("Some" | "Ok", Some(of)) if matches!(of.wrap, Wrap::Option | Wrap::Result) => of.unwrapped(),
                _ => None,
            };
            inner.elems.iter().for_each(|pattern| bind(env, pattern, taken));
        }
        Pat::Struct(inner) => {
            for field in &inner.fields {
                let of = match &field.member {
                    syn::Member::Named(name) => env.index.field(&env.of_crate(), &super::names::plain(name)),
                    syn::Member::Unnamed(_) => None,
                };
                bind(env, &field.pat, of);
            }
        }
        Pat::Slice(inner) => inner.elems.iter().for_each(|pattern| bind(env, pattern, None)),
        Pat::Or(inner) => inner.cases.iter().for_each(|pattern| bind(env, pattern, of)),
        _ => {}
    }
}
