//! Panic hooks: which one is lost, and what a hook must not do.
//!
//! Runs on: the threads that read files. Must not: follow calls out of the hook.

use syn::visit::{self, Visit};
use syn::{Expr, ExprClosure};

use super::env::{Called, Env, strip};
use super::fate::Fate;
use super::known::Does;
use super::macros;
use super::names;
use super::record::{finding, site, span_of as expr_span};
use super::rule::Rule;
use super::site::{Becomes, Certainty, SiteKind};
use super::source_file::span_of;
use super::walk::Walker;

/// Finds out whether a function takes the previous hook, which may stand behind the place where it sets its own.
pub(super) fn look_ahead(walker: &mut Walker<'_, '_>, body: &syn::Block) {
    // Only where a hook is set it is of interest.
    if !walker.sets_hook {
        return;
    }
    let mut looker = Looker { env: walker.env, takes: false };
    looker.visit_block(body);
    if let Some(function) = walker.functions.last_mut() {
        function.keeps_hook = looker.takes;
    }
}

struct Looker<'e, 'i> {
    env: &'e Env<'i>,
    takes: bool,
}

impl<'ast> Visit<'ast> for Looker<'_, '_> {
    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        self.takes |= matches!(self.env.called(call), Some((Called::Known(Does::TakeHook), ..)));
        visit::visit_expr_call(self, call);
    }

    fn visit_item(&mut self, _: &'ast syn::Item) {}
}

/// `set_hook`.
pub(super) fn set(walker: &mut Walker<'_, '_>, expr: &Expr, certainty: Certainty, hook: Option<&Expr>) {
    let site = site(walker, SiteKind::Hook, "std::panic::set_hook", expr, hook, Becomes::Kept, certainty);
    let Some((closure, is_made_here)) = hook.map(made_here) else { return };
    let keeps = walker.functions.iter().any(|function| function.keeps_hook);
    // A hook that comes from elsewhere is one that is set again.
    if is_made_here && !keeps {
        let message = "this panic hook replaces the one before it, which nobody calls any more".to_owned();
        finding(
            walker,
            Rule::ReplacedHook,
            certainty,
            expr_span(expr),
            message,
            "no `take_hook` in this function".to_owned(),
            Some(site),
        );
    }
    let Some(closure) = closure else { return };
    let mut risks = Risks { env: walker.env, found: Vec::new() };
    risks.visit_expr(&closure.body);
    if let Some((span, what)) = risks.found.first() {
        let message = format!("a panic hook {what}");
        finding(
            walker,
            Rule::RiskyHook,
            Certainty::Syntactic,
            *span,
            message,
            format!("the hook {what} here"),
            Some(site),
        );
    }
}

/// `take_hook`.
pub(super) fn take(walker: &mut Walker<'_, '_>, expr: &Expr, certainty: Certainty, fate: &Fate) {
    let site = site(walker, SiteKind::Hook, "std::panic::take_hook", expr, None, Becomes::Kept, certainty);
    if let Fate::Dropped(_) = fate {
        let message = Rule::DroppedHook.title().to_owned();
        finding(
            walker,
            Rule::DroppedHook,
            certainty,
            expr_span(expr),
            message,
            "the hook is gone here".to_owned(),
            Some(site),
        );
    }
}

/// The closure of a hook, and whether the hook is made in this place.
fn made_here(expr: &Expr) -> (Option<&ExprClosure>, bool) {
    match strip(expr) {
        Expr::Closure(closure) => (Some(closure), true),
        Expr::Call(call) => {
            let name = match &*call.func {
                Expr::Path(path) => names::text(&path.path),
                _ => String::new(),
            };
            match call.args.first().map(strip) {
                Some(Expr::Closure(closure)) => (Some(closure), true),
                Some(Expr::Path(_)) if name == "Box::new" => (None, true),
                // `make_hook(..)`; what is only wrapped is judged by what it is.
                Some(inner) if name == "Box::new" => made_here(inner),
                _ => (None, true),
            }
        }
        Expr::MethodCall(call) => (None, !hands_out(call)),
        _ => (None, false),
    }
}

/// Whether a chain of calls hands out what was kept, and makes nothing: `self.before.take().unwrap()`.
fn hands_out(call: &syn::ExprMethodCall) -> bool {
    let keeps =
        ["take", "unwrap", "expect", "unwrap_or_else", "replace", "into_inner", "clone", "pop", "remove"];
    keeps.iter().any(|name| call.method == name)
        && match strip(&call.receiver) {
            Expr::MethodCall(inner) => {
                hands_out(inner) || inner.method == "lock" || inner.method == "borrow_mut"
            }
            Expr::Call(_) => false,
            _ => true,
        }
}

/// What a hook must not do.
struct Risks<'e, 'i> {
    env: &'e Env<'i>,
    found: Vec<(super::site::Span, String)>,
}

impl<'ast> Visit<'ast> for Risks<'_, '_> {
    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        let name = names::plain(&call.method);
        let what = match (name.as_str(), call.args.len()) {
            ("unwrap" | "expect", _) => Some("may panic, which aborts the process"),
            // The lock of a standard stream can be taken again by the thread that holds it.
            ("lock", 0) if is_stream(&call.receiver) => None,
            ("lock" | "write", 0) => Some("takes a lock, which the panicking thread may hold"),
            ("join" | "recv" | "wait" | "block_on", _) => Some("waits"),
            _ => None,
        };
        if let Some(what) = what {
            self.found.push((span_of(call), what.to_owned()));
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if matches!(self.env.called(call), Some((Called::Known(Does::Exit), ..))) {
            self.found.push((span_of(call), "ends the process before anything unwinds".to_owned()));
        }
        if let Expr::Path(path) = &*call.func
            && names::text(&path.path).ends_with("thread::sleep")
        {
            self.found.push((span_of(call), "waits".to_owned()));
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        let name = mac.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
        if ["panic", "unreachable", "todo", "unimplemented"].contains(&name.as_str()) {
            self.found.push((span_of(mac), "may panic, which aborts the process".to_owned()));
        }
        // The arguments of `writeln!` and the like.
        let _known = macros::look(mac, self.env, |part| {
            if let macros::Part::Expr(expr) = part {
                self.visit_expr(&expr);
            }
        });
    }
}

/// `stderr`, or a variable of that name.
fn is_stream(receiver: &Expr) -> bool {
    let path = match strip(receiver) {
        Expr::Path(path) => path,
        Expr::Call(call) => match &*call.func {
            Expr::Path(path) => path,
            _ => return false,
        },
        _ => return false,
    };
    path.path.segments.last().is_some_and(|last| last.ident == "stderr" || last.ident == "stdout")
}
