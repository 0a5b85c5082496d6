//! How values go through expressions: which part of an expression is its value, and what becomes of the others.
//!
//! Two readers follow it: `walk`, which notes places, and `finder`, which asks what becomes of a name.
//!
//! Runs on: the threads that read files. Must not: visit a part twice, or leave one out.

use syn::visit::Visit;
use syn::{Block, Expr, Pat, Stmt};

use super::binding::{self, bind};
use super::env::{Called, Env, is_block_on, strip};
use super::fate::{self, Arm, Body, Fate, name_of};
use super::finder;
use super::kind::{Core, Kind, Object, Runner, Wrap};
use super::known::Does;

/// A reader that is told what becomes of the value of each expression.
pub(super) trait Flow<'i>: for<'a> Visit<'a> + Sized {
    fn env(&self) -> &Env<'i>;

    /// Visits an expression; this becomes of its value.
    fn flow(&mut self, expr: &Expr, fate: Fate);

    /// Is told where a statement ends, and where a `let` begins.
    fn statement(&mut self, _begin: Option<proc_macro2::Span>, _end: Option<proc_macro2::Span>) {}

    /// Whether the rest of a block is of no interest after this name got another meaning.
    fn is_over_at(&self, _name: &str) -> bool {
        false
    }
}

/// Visits the parts of an expression, where it hands values on. False: it is one that does not.
pub(super) fn parts<'i, F: Flow<'i>>(f: &mut F, expr: &Expr, fate: Fate) -> bool {
    match expr {
        Expr::Paren(inner) => f.flow(&inner.expr, fate),
        Expr::Group(inner) => f.flow(&inner.expr, fate),
        Expr::Reference(inner) => {
            // Whoever borrows a handle can neither join nor await it.
            let of = f.env().kind_of(&inner.expr);
            match of {
                Some(Kind { core: Core::Handle(_), wrap: Wrap::Bare })
                    if inner.mutability.is_none() && matches!(fate, Fate::Used | Fate::Dropped(_)) =>
                {
                    f.flow(&inner.expr, Fate::Neutral)
                }
                // It stays where it is.
                Some(Kind { core: Core::Hook, .. }) => f.flow(&inner.expr, Fate::Used),
                _ => f.flow(&inner.expr, fate),
            }
        }
        Expr::Block(inner) => block(f, &inner.block, fate),
        Expr::Unsafe(inner) => block(f, &inner.block, fate),
        Expr::Async(inner) => block(f, &inner.block, fate),
        Expr::Const(inner) => block(f, &inner.block, Fate::Used),
        Expr::Loop(inner) => block(f, &inner.body, gone()),
        Expr::If(inner) => {
            let other = inner.else_branch.as_ref().map(|(_, other)| &**other);
            f.env().enter();
            condition(f, &inner.cond, &inner.then_branch, other);
            block(f, &inner.then_branch, fate.clone());
            f.env().leave();
            if let Some(other) = other {
                f.flow(other, fate);
            }
        }
        Expr::While(inner) => {
            f.env().enter();
            condition(f, &inner.cond, &inner.body, None);
            block(f, &inner.body, gone());
            f.env().leave();
        }
        Expr::Match(inner) => {
            let arms: Vec<_> = inner
                .arms
                .iter()
                .map(|arm| {
                    let (pattern, guard) = unguarded(&arm.pat);
                    (Some(pattern), guard, Some(Body::Expr(&arm.body)))
                })
                .collect();
            let of = f.env().kind_of(&inner.expr);
            scrutinee(f, &inner.expr, of, &arms);
            for arm in &inner.arms {
                f.env().enter();
                let (pattern, guard) = unguarded(&arm.pat);
                bind(f.env(), pattern, of);
                if let Some(guard) = guard {
                    f.visit_expr(guard);
                }
                f.flow(&arm.body, fate.clone());
                f.env().leave();
            }
        }
        Expr::ForLoop(inner) => {
            let of = f.env().kind_of(&inner.expr);
            let element = of.filter(|of| of.wrap == Wrap::Many).map(|of| Kind::bare(of.core));
            let becomes = match (element, name_of(&inner.pat)) {
                (Some(element), Some(name)) => {
                    let uses = finder::uses_in(f.env(), &name, Some(element), &inner.body.stmts);
                    Fate::sum(&uses, &format!("`{name}` is never used"))
                }
                (Some(_), None) if matches!(&*inner.pat, Pat::Wild(_)) => {
                    Fate::Dropped("`for _ in`".to_owned())
                }
                _ => Fate::Used,
            };
            f.flow(&inner.expr, becomes);
            f.env().enter();
            bind(f.env(), &inner.pat, element);
            block(f, &inner.body, gone());
            f.env().leave();
        }
        Expr::Try(inner) => {
            let becomes = match f.env().kind_of(&inner.expr) {
                Some(Kind { core: Core::Outcome(_), wrap: Wrap::Bare }) => Fate::Carried,
                Some(_) => fate,
                None => Fate::Used,
            };
            f.flow(&inner.expr, becomes);
        }
        Expr::Await(inner) => {
            let becomes = match f.env().kind_of(&inner.base) {
                Some(Kind { core: Core::Handle(runner), wrap: Wrap::Bare }) if runner.is_awaited() => {
                    Fate::Awaited
                }
                Some(Kind { wrap: Wrap::Future | Wrap::FutureOption | Wrap::FutureMany, .. }) => fate,
                _ => Fate::Used,
            };
            f.flow(&inner.base, becomes);
        }
        Expr::MethodCall(call) => {
            let of = f.env().kind_of(&call.receiver);
            let arguments: Vec<&Expr> = call.args.iter().collect();
            let name = super::names::plain(&call.method);
            let is_list = || f.env().made(call).is_some_and(|made| made.kind.wrap == Wrap::Many);
            let value = match name.as_str() {
                "for_each" => gone(),
                "block_on" => waited_for(f.env(), call.args.last(), fate.clone()),
                "map" if is_list() => fate.clone(),
                "map" | "filter_map" | "flat_map" if matches!(fate, Fate::Dropped(_)) => fate.clone(),
                "push" | "push_back" | "insert" => f.env().fate_inside(&call.receiver).unwrap_or(Fate::Used),
                _ => Fate::Used,
            };
            let becomes = match of {
                _ if name == "count" => Fate::Dropped("`.count()`".to_owned()),
                Some(of) => fate::of_method(f.env(), of, &name, &arguments, fate),
                // `.ok().unwrap()`
                None if matches!(name.as_str(), "unwrap" | "expect") && is_ok(&call.receiver) => {
                    Fate::Carried
                }
                None => Fate::Used,
            };
            f.flow(&call.receiver, becomes);
            let element = of.filter(|of| of.wrap == Wrap::Many).map(|of| Kind::bare(of.core));
            let inner = match of {
                Some(Kind { core: Core::Object(Object::RayonPool), wrap: Wrap::Bare })
                    if name.contains("scope") =>
                {
                    Some(Kind::object(Object::OtherScope))
                }
                Some(Kind { core: Core::Object(object), wrap: Wrap::Bare }) if name == "scope" => {
                    Some(Kind::object(object))
                }
                _ => element,
            };
            for argument in arguments {
                closure_or(f, argument, inner, value.clone());
            }
        }
        Expr::Call(call) => {
            let called = f.env().called(call).map(|(called, ..)| called);
            let (inner, value) = match &called {
                Some(Called::Known(Does::Drop)) => (None, Fate::Dropped("`drop(..)`".to_owned())),
                Some(Called::Known(Does::Forget)) => (None, Fate::Dropped("`mem::forget(..)`".to_owned())),
                Some(Called::Known(Does::Scope(object))) => (Some(Kind::object(*object)), Fate::Used),
                Some(Called::Known(Does::ScopeOutcome)) => {
                    (Some(Kind::object(super::kind::Object::OtherScope)), Fate::Used)
                }
                Some(Called::Known(Does::JoinAll)) => (None, Fate::Awaited),
                None if is_block_on(&call.func) => (None, waited_for(f.env(), call.args.last(), fate)),
                _ => (None, Fate::Used),
            };
            f.visit_expr(&call.func);
            for argument in &call.args {
                closure_or(f, argument, inner, value.clone());
            }
        }
        Expr::Assign(inner) => {
            let becomes = match &*inner.left {
                Expr::Infer(_) => Fate::Dropped("`_ =`".to_owned()),
                _ => Fate::Used,
            };
            f.visit_expr(&inner.left);
            f.flow(&inner.right, becomes);
        }
        Expr::Closure(_) => closure_or(f, expr, None, Fate::Used),
        _ => return false,
    }
    true
}

/// A closure, whose first parameter is this; or another expression.
fn closure_or<'i, F: Flow<'i>>(f: &mut F, expr: &Expr, inner: Option<Kind>, fate: Fate) {
    let Expr::Closure(closure) = expr else { return f.flow(expr, fate) };
    f.env().enter();
    for (number, pattern) in closure.inputs.iter().enumerate() {
        bind(f.env(), pattern, inner.filter(|_| number == 0));
    }
    f.flow(&closure.body, fate);
    f.env().leave();
}

/// The condition of an `if` or `while`, with the patterns in it.
fn condition<'i, F: Flow<'i>>(f: &mut F, expr: &Expr, then: &Block, other: Option<&Expr>) {
    match expr {
        Expr::Binary(both) if matches!(both.op, syn::BinOp::And(_)) => {
            condition(f, &both.left, then, other);
            condition(f, &both.right, then, other);
        }
        Expr::Let(inner) => {
            let of = f.env().kind_of(&inner.expr);
            let mut arms = vec![(Some(&*inner.pat), None, Some(Body::Block(then)))];
            let takes_error = of.is_some_and(|of| !matches!(fate::lets(&inner.pat, of), fate::Lets::Nothing));
            if !takes_error {
                arms.push((None, None, other.map(Body::Expr)));
            }
            scrutinee(f, &inner.expr, of, &arms);
            bind(f.env(), &inner.pat, of);
        }
        other => f.visit_expr(other),
    }
}

/// What becomes of what `block_on` is given: a handle is awaited, of a future's value becomes what becomes of its own.
fn waited_for(env: &Env<'_>, future: Option<&Expr>, fate: Fate) -> Fate {
    match future.and_then(|future| env.kind_of(future)) {
        Some(Kind { core: Core::Handle(_), wrap: Wrap::Bare }) => Fate::Awaited,
        Some(Kind { wrap: Wrap::Future | Wrap::FutureOption | Wrap::FutureMany, .. }) => fate,
        _ => Fate::Used,
    }
}

/// `.ok()`
fn is_ok(receiver: &Expr) -> bool {
    matches!(strip(receiver), Expr::MethodCall(call) if call.method == "ok" && call.args.is_empty())
}

/// Where an expression with blocks ends.
fn end_of(expr: &Expr) -> Option<proc_macro2::Span> {
    match expr {
        Expr::If(inner) => match &inner.else_branch {
            Some((_, other)) => end_of(other),
            None => Some(inner.then_branch.brace_token.span.close()),
        },
        Expr::Block(inner) => Some(inner.block.brace_token.span.close()),
        Expr::Match(inner) => Some(inner.brace_token.span.close()),
        Expr::While(inner) => Some(inner.body.brace_token.span.close()),
        Expr::ForLoop(inner) => Some(inner.body.brace_token.span.close()),
        _ => None,
    }
}

/// A pattern, and its guard.
fn unguarded(pattern: &Pat) -> (&Pat, Option<&Expr>) {
    match pattern {
        Pat::Guard(guarded) => (&guarded.pat, Some(&guarded.guard)),
        other => (other, None),
    }
}

/// What is matched.
pub(super) fn scrutinee<'i, F: Flow<'i>>(f: &mut F, expr: &Expr, of: Option<Kind>, arms: &[Arm<'_>]) {
    let becomes = match of {
        Some(of @ Kind { core: Core::Outcome(_), wrap: Wrap::Bare | Wrap::Option }) => {
            fate::of_match(f.env(), of, arms)
        }
        Some(of @ Kind { core: Core::Handle(_), wrap: Wrap::Option | Wrap::Result }) => {
            fate::of_match_handle(f.env(), of, arms)
        }
        _ => Fate::Used,
    };
    f.flow(expr, becomes);
}

/// The statements of a block; this becomes of its last value.
pub(super) fn block<'i, F: Flow<'i>>(f: &mut F, block: &Block, fate: Fate) {
    f.env().enter();
    let end = Some(block.brace_token.span.close());
    statements(f, &block.stmts, end, fate);
    f.env().leave();
}

pub(super) fn statements<'i, F: Flow<'i>>(
    f: &mut F,
    all: &[Stmt],
    end: Option<proc_macro2::Span>,
    fate: Fate,
) {
    for (number, statement) in all.iter().enumerate() {
        let rest = all.get(number + 1..).unwrap_or_default();
        match statement {
            Stmt::Local(local) => {
                if let Some(name) = binding::local(f, local, rest, end)
                    && f.is_over_at(&name)
                {
                    return;
                }
            }
            Stmt::Expr(expr, semicolon) => {
                let is_value = semicolon.is_none() && rest.is_empty();
                f.statement(
                    None,
                    semicolon.as_ref().map(|semicolon| semicolon.span).or_else(|| end_of(expr)),
                );
                f.flow(expr, if is_value { fate.clone() } else { gone() });
            }
            Stmt::Item(item) => f.visit_item(item),
            Stmt::Macro(mac) => {
                f.statement(None, None);
                f.visit_macro(&mac.mac);
            }
        }
    }
}

fn gone() -> Fate {
    Fate::Dropped("the statement".to_owned())
}

/// Whether somebody looks after what has such a handle, whatever becomes of the handle.
pub(super) fn is_looked_after(runner: Runner) -> bool {
    matches!(runner, Runner::Scoped | Runner::Agent)
}
