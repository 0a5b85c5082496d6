//! Rules about whole functions: what C calls, destructors, tests.
//!
//! Runs on: the threads that read files. Must not: follow calls.

use syn::visit::{self, Visit};
use syn::{Expr, ItemImpl};

use super::env::{Called, Env, strip};
use super::known::Does;
use super::macros;
use super::names;
use super::record::finding;
use super::rule::Rule;
use super::site::{Certainty, Span};
use super::source_file::{of_span, span_of};
use super::walk::Walker;

/// `extern "C" fn` with a body, and `#[should_panic]`.
pub(super) fn function(
    walker: &mut Walker<'_, '_>,
    attrs: &[syn::Attribute],
    signature: &syn::Signature,
    body: Option<&syn::Block>,
) {
    for attr in attrs {
        if attr.path().is_ident("should_panic") && matches!(attr.meta, syn::Meta::Path(_)) {
            let before = std::mem::replace(&mut walker.in_test, false);
            let message = Rule::BareShouldPanic.title().to_owned();
            finding(
                walker,
                Rule::BareShouldPanic,
                Certainty::Resolved,
                span_of(attr),
                message,
                "which panic is meant?".to_owned(),
                None,
            );
            walker.in_test = before;
            if let Some(finding) = walker.found.findings.last_mut() {
                finding.in_test = true;
                finding.function = names::join(&finding.function, &names::plain(&signature.ident));
            }
        }
    }
    let Some(abi) = &signature.abi else { return };
    let unwinds = abi.name.as_ref().is_some_and(|name| {
        let name = name.value();
        name.ends_with("-unwind") || name == "Rust" || name == "rust-intrinsic"
    });
    let Some(body) = body.filter(|_| !unwinds) else { return };
    let mut dangers = Dangers::new(walker.env);
    dangers.visit_block(body);
    let Some((_, what)) = dangers.found.into_iter().next() else { return };
    let span = of_span(signature.ident.span());
    let message = format!(
        "a panic in this function reaches a caller that is not Rust, and aborts the process: it {what}"
    );
    finding(
        walker,
        Rule::ExternBoundary,
        Certainty::Syntactic,
        span,
        message,
        "no `catch_unwind` around its body".to_owned(),
        None,
    );
    if let Some(finding) = walker.found.findings.last_mut() {
        finding.function = names::join(&finding.function, &names::plain(&signature.ident));
    }
}

/// `impl Drop`.
pub(super) fn destructor(walker: &mut Walker<'_, '_>, item: &ItemImpl) {
    let is_drop = item
        .trait_
        .as_ref()
        .is_some_and(|(path, _)| path.segments.last().is_some_and(|last| last.ident == "Drop"));
    if !is_drop {
        return;
    }
    for part in &item.items {
        let syn::ImplItem::Fn(function) = part else { continue };
        let mut dangers = Dangers::new(walker.env);
        dangers.visit_block(&function.block);
        if dangers.asks_panicking {
            continue;
        }
        for (span, what) in dangers.found {
            let message = format!(
                "a destructor {what}; if that panics while another panic unwinds, the process aborts"
            );
            finding(
                walker,
                Rule::PanickingDrop,
                Certainty::Syntactic,
                span,
                message,
                "may panic".to_owned(),
                None,
            );
        }
    }
}

/// What may panic in a body, outside of what is caught or runs elsewhere.
struct Dangers<'e, 'i> {
    env: &'e Env<'i>,
    found: Vec<(Span, String)>,
    asks_panicking: bool,
}

impl<'e, 'i> Dangers<'e, 'i> {
    fn new(env: &'e Env<'i>) -> Self {
        Self { env, found: Vec::new(), asks_panicking: false }
    }
}

impl<'ast> Visit<'ast> for Dangers<'_, '_> {
    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        let name = names::plain(&call.method);
        if matches!(name.as_str(), "unwrap" | "expect") && !is_emptied_here(&call.receiver) {
            self.found.push((span_of(call), format!("calls `{name}`")));
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        match self.env.called(call) {
            // What is inside runs elsewhere, or is caught.
            Some((Called::Known(Does::Catch | Does::CatchAgent | Does::Spawn(_)), ..)) => return,
            _ => {
                if let Expr::Path(path) = &*call.func {
                    let name = names::text(&path.path);
                    self.asks_panicking |= name.ends_with("panicking");
                    // Wrappers of other crates: `catch_panic(..)`, `ffi_guard(..)`.
                    if name.contains("catch")
                        || name.contains("guard_panic")
                        || name.contains("abort_on_panic")
                    {
                        return;
                    }
                }
            }
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        let name = mac.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
        if ["panic", "unreachable", "todo", "unimplemented", "assert", "assert_eq", "assert_ne"]
            .contains(&name.as_str())
        {
            self.found.push((span_of(mac), format!("has `{name}!`")));
        }
        self.asks_panicking |= mac.tokens.to_string().contains("panicking");
        // The arguments of `println!` and the like.
        let _known = macros::look(mac, self.env, |part| {
            if let macros::Part::Expr(expr) = part {
                self.visit_expr(&expr);
            }
        });
    }

    fn visit_item(&mut self, _: &'ast syn::Item) {}
}

/// `self.inner.take()`: a field that is full until the destructor empties it.
fn is_emptied_here(receiver: &Expr) -> bool {
    let Expr::MethodCall(call) = strip(receiver) else { return false };
    let is_own =
        |field: &syn::ExprField| matches!(strip(&field.base), Expr::Path(path) if path.path.is_ident("self"));
    call.method == "take" && matches!(strip(&call.receiver), Expr::Field(field) if is_own(field))
}

/// Whether what is caught is a parameter or field: code that somebody else gave.
pub(super) fn is_foreign(walker: &Walker<'_, '_>, argument: &Expr) -> bool {
    let inner = match strip(argument) {
        Expr::Call(call) => {
            let wraps = matches!(&*call.func, Expr::Path(path) if names::text(&path.path).ends_with("AssertUnwindSafe"));
            match call.args.first().filter(|_| wraps) {
                Some(inner) => strip(inner),
                None => return false,
            }
        }
        other => other,
    };
    let is_local = |path: &syn::ExprPath| {
        path.path.get_ident().is_some_and(|name| walker.env.has_local(&names::plain(name)))
    };
    match inner {
        Expr::Path(path) => is_local(path),
        Expr::Closure(closure) => match only(&closure.body) {
            // `|| (self.callback)(x)`, `|| callback()`
            Expr::Call(call) => match &*call.func {
                Expr::Paren(_) | Expr::Field(_) => true,
                Expr::Path(path) => is_local(path),
                _ => false,
            },
            _ => false,
        },
        _ => false,
    }
}

/// The only thing in a block.
fn only(expr: &Expr) -> &Expr {
    match strip(expr) {
        Expr::Block(block) => match block.block.stmts.as_slice() {
            [syn::Stmt::Expr(inner, _)] => strip(inner),
            _ => expr,
        },
        other => other,
    }
}
