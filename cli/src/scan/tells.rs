//! Whether code tells somebody that there was an error, or lets the panic go on.
//!
//! Runs on: the threads that read files. Must not: follow calls.

use syn::Expr;
use syn::visit::{self, Visit};

use super::env::{Called, Env};
use super::fate::Body;
use super::known::Does;
use super::names;

/// Macros that print or log.
const TELLING: &[&str] = &[
    "error", "warn", "info", "debug", "trace", "log", "event", "eprintln", "eprint", "println", "print",
    "dbg", "bail", "ensure", "write", "writeln",
];
/// Macros that panic.
const PANICKING: &[&str] =
    &["panic", "unreachable", "todo", "unimplemented", "assert", "assert_eq", "assert_ne"];

/// Whether it logs, returns an error, or ends the process.
pub(super) fn tells(env: &Env<'_>, body: Body<'_>) -> bool {
    // A value that stands for the failure: `Err(..)`, `Status::Failed`.
    let value = match body {
        Body::Expr(expr) => gives_value(expr),
        Body::Block(block) => last_gives_value(block),
    };
    look(env, body).tells || value
}

/// Whether it panics in turn.
pub(super) fn carries_on(env: &Env<'_>, body: Body<'_>) -> bool {
    look(env, body).carries_on
}

fn look<'e, 'i>(env: &'e Env<'i>, body: Body<'_>) -> Looker<'e, 'i> {
    let mut looker = Looker { env, tells: false, carries_on: false };
    match body {
        Body::Expr(expr) => looker.visit_expr(expr),
        Body::Block(block) => looker.visit_block(block),
    }
    looker
}

struct Looker<'e, 'i> {
    env: &'e Env<'i>,
    tells: bool,
    carries_on: bool,
}

impl<'ast> Visit<'ast> for Looker<'_, '_> {
    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        let name = mac.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
        self.tells |= TELLING.contains(&name.as_str());
        self.carries_on |= PANICKING.contains(&name.as_str());
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        match self.env.called(call) {
            Some((Called::Known(Does::Resume), ..)) => self.carries_on = true,
            Some((Called::Known(Does::Exit), ..)) => self.tells = true,
            _ => {
                let name = match &*call.func {
                    Expr::Path(path) => names::text(&path.path),
                    _ => String::new(),
                };
                self.carries_on |= name.ends_with("resume_unwind") || name.ends_with("panic_any");
                self.tells |=
                    name == "Err" || name.ends_with("process::abort") || name.ends_with("process::exit");
            }
        }
        visit::visit_expr_call(self, call);
    }
}

/// Whether the last thing in it is a value that is made for the case: a path or a call with a capital letter, that is an
/// enumeration's or a structure's.
fn gives_value(body: &Expr) -> bool {
    let capital = |path: &syn::Path| {
        let last = path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
        path.segments.len() > 1 && last.starts_with(|letter: char| letter.is_uppercase())
    };
    match body {
        Expr::Block(block) => last_gives_value(&block.block),
        Expr::Return(expr) => expr.expr.as_ref().is_some_and(|expr| gives_value(expr)),
        Expr::Path(path) => capital(&path.path),
        Expr::Call(call) if matches!(&*call.func, Expr::Path(path) if capital(&path.path)) => true,
        Expr::Call(_) | Expr::MethodCall(_) => speaks_of_failure(body),
        Expr::Struct(_) => true,
        _ => false,
    }
}

/// Whether a value is made of words that say that something went wrong: `Response::text("internal error")`.
fn speaks_of_failure(value: &Expr) -> bool {
    let mut words = Words { of_failure: false };
    words.visit_expr(value);
    words.of_failure
}

struct Words {
    of_failure: bool,
}

impl Words {
    fn take(&mut self, text: &str) {
        let text = text.to_lowercase();
        self.of_failure |= ["error", "fail", "panic"].iter().any(|word| text.contains(word));
    }
}

impl<'ast> Visit<'ast> for Words {
    fn visit_ident(&mut self, ident: &'ast proc_macro2::Ident) {
        self.take(&ident.to_string());
    }

    fn visit_lit_str(&mut self, text: &'ast syn::LitStr) {
        self.take(&text.value());
    }
}

fn last_gives_value(block: &syn::Block) -> bool {
    match block.stmts.last() {
        Some(syn::Stmt::Expr(expr, None)) => gives_value(expr),
        Some(syn::Stmt::Expr(Expr::Return(expr), _)) => {
            expr.expr.as_ref().is_some_and(|expr| gives_value(expr))
        }
        _ => false,
    }
}
