//! What is known in a place of a function: names, types, local variables; and what an expression is.
//!
//! Runs on: the threads that read files. Must not: follow an expression deeper than its bound.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use syn::spanned::Spanned as _;
use syn::{Expr, ExprCall, ExprMethodCall};

use super::clippy::{self, FileFacts};
use super::fate::Fate;
use super::index::Index;
use super::kind::{Core, Kind, Object, Origin, Runner, Wrap};
use super::known::{self, Does};
use super::names::{self, Names};
use super::site::Certainty;
use super::source_file::of_span;
use super::types::{TypeRef, type_ref};

/// Expressions that all searches for uses in a file may look at.
const MAX_LOOKS: u32 = 1_000_000;
/// Longest chain of calls that is followed.
const MAX_DEPTH: usize = 48;

/// Variables of a scope: what they are, and what becomes of what is put into them.
pub(super) type Locals = HashMap<String, (Option<Kind>, Option<Fate>)>;

/// See above.
pub(super) struct Env<'i> {
    pub(super) names: RefCell<Names>,
    pub(super) index: &'i Index,
    locals: RefCell<Vec<Locals>>,
    /// What the compiler said of the file, where it was asked.
    facts: Option<&'i FileFacts>,
    /// Whether it is known to have compiled the function that we are in.
    compiled: Cell<bool>,
    /// Inside `assert!` of a test.
    pub(super) asserting: Cell<bool>,
    /// How many searches for uses are open, each inside of another.
    pub(super) searching: Cell<u32>,
    /// How much the searches that one search began may still look at.
    pub(super) fuel: Cell<u32>,
    /// The same for all searches of a file.
    pub(super) total: Cell<u32>,
}

/// What the compiler says of a name in a call.
#[derive(Clone, Copy, Debug)]
enum Said<'i> {
    Nothing,
    /// It means this function.
    Calls(&'i str),
    /// It means none of those that were asked for.
    Other,
}

/// What is called.
#[derive(Clone, Debug)]
pub(super) enum Called {
    Known(Does),
    /// A function of the workspace that returns this.
    Own(Kind),
}

/// What a method makes, and how sure that is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Made {
    pub(super) kind: Kind,
    /// Something begins to run.
    pub(super) starts: bool,
    pub(super) certainty: Certainty,
}

impl<'i> Env<'i> {
    pub(super) fn new(index: &'i Index, facts: Option<&'i FileFacts>) -> Self {
        Self {
            facts,
            compiled: Cell::new(false),
            names: RefCell::default(),
            index,
            locals: RefCell::default(),
            asserting: Cell::new(false),
            searching: Cell::new(0),
            fuel: Cell::new(0),
            total: Cell::new(MAX_LOOKS),
        }
    }

    pub(super) fn enter(&self) {
        self.locals.borrow_mut().push(HashMap::new());
    }

    pub(super) fn leave(&self) {
        self.locals.borrow_mut().pop();
    }

    /// Replaces all scopes, as a function does that is inside of another one.
    pub(super) fn swap_locals(&self, other: &mut Vec<Locals>) {
        std::mem::swap(&mut *self.locals.borrow_mut(), other);
    }

    pub(super) fn bind(&self, name: &str, kind: Option<Kind>) {
        if let Some(scope) = self.locals.borrow_mut().last_mut() {
            scope.insert(name.to_owned(), (kind, None));
        }
    }

    /// The same for a collection: this becomes of what is put into it.
    pub(super) fn bind_collection(&self, name: &str, kind: Kind, fate: Fate) {
        if let Some(scope) = self.locals.borrow_mut().last_mut() {
            scope.insert(name.to_owned(), (Some(kind), Some(fate)));
        }
    }

    /// What becomes of what is put into a variable.
    pub(super) fn fate_inside(&self, receiver: &Expr) -> Option<Fate> {
        let Expr::Path(path) = strip(receiver) else { return None };
        let name = names::text(&path.path);
        let locals = self.locals.borrow();
        let (_, fate) = locals.iter().rev().find_map(|scope| scope.get(&name))?;
        fate.clone()
    }

    pub(super) fn is_compiled(&self) -> bool {
        self.compiled.get()
    }

    /// What it was before.
    pub(super) fn set_compiled(&self, compiled: bool) -> bool {
        self.compiled.replace(compiled)
    }

    /// Enters a function whose name stands there; what it was before.
    pub(super) fn enter_function(&self, name: proc_macro2::Span) -> bool {
        let has_function = |facts: &FileFacts| {
            let at = of_span(name);
            facts.has_function((at.line, at.column))
        };
        self.set_compiled(self.facts.is_some_and(has_function))
    }

    /// Whether the compiler was asked.
    pub(super) fn has_facts(&self) -> bool {
        self.facts.is_some()
    }

    fn said(&self, name: proc_macro2::Span) -> Said<'i> {
        let Some(facts) = self.facts else { return Said::Nothing };
        let at = of_span(name);
        match facts.call((at.line, at.column)) {
            Some(path) => Said::Calls(path),
            None if self.compiled.get() => Said::Other,
            None => Said::Nothing,
        }
    }

    /// What a method is called on: the compiler knows better than the source.
    pub(super) fn receiver(&self, call: &ExprMethodCall) -> Option<Kind> {
        match self.said(call.method.span()) {
            Said::Calls(path) => clippy::receiver(path),
            _ => self.kind_of(&call.receiver),
        }
    }

    fn local(&self, name: &str) -> Option<Option<Kind>> {
        self.locals.borrow().iter().rev().find_map(|scope| scope.get(name).map(|(kind, _)| *kind))
    }

    /// Whether a name is a variable here.
    pub(super) fn has_local(&self, name: &str) -> bool {
        self.local(name).is_some()
    }

    pub(super) fn of_crate(&self) -> String {
        self.names.borrow().module().split("::").next().unwrap_or_default().to_owned()
    }

    /// What a type is.
    pub(super) fn of_type(&self, of: &syn::Type) -> Option<Kind> {
        self.index
            .kind(&type_ref(of, &self.names.borrow(), 0).unwrap_or(TypeRef::Named(Vec::new(), Wrap::Bare)))
    }

    /// What a call calls, under which name, and how sure that is.
    pub(super) fn called(&self, call: &ExprCall) -> Option<(Called, String, Certainty)> {
        let Expr::Path(callee) = strip(&call.func) else { return None };
        self.meant(&callee.path)
    }

    /// What a path to a function means.
    pub(super) fn meant(&self, path: &syn::Path) -> Option<(Called, String, Certainty)> {
        let text = names::text(path);
        if self.local(&text).is_some() {
            return None;
        }
        let said = self.said(path.span());
        if let Said::Calls(path) = said
            && let Some(does) = known::function(path)
        {
            return Some((Called::Known(does), path.to_owned(), Certainty::Resolved));
        }
        for (path, certainty) in self.names.borrow().candidates(&text) {
            let path = self.index.behind(&path);
            if let Some(does) = known::function(&path) {
                // It may be this one, and the compiler says that it is another.
                if matches!(said, Said::Other) && certainty < Certainty::Resolved && known::is_path(&path) {
                    continue;
                }
                return Some((Called::Known(does), path, certainty));
            }
            if let Some(kind) = self.index.function(&path) {
                return Some((Called::Own(kind), path, certainty));
            }
            if self.index.has_function(&path) {
                return None;
            }
        }
        // `Self::start()`, or a type that was imported by a macro.
        let (of, name) = text.rsplit_once("::")?;
        let kind = (of == "Self").then(|| self.index.method(&self.of_crate(), name)).flatten()?;
        Some((Called::Own(kind), text.clone(), Certainty::Guessed))
    }

    /// What an expression is.
    pub(super) fn kind_of(&self, expr: &Expr) -> Option<Kind> {
        self.kind_within(expr, MAX_DEPTH)
    }

    fn kind_within(&self, expr: &Expr, depth: usize) -> Option<Kind> {
        let depth = depth.checked_sub(1)?;
        match strip(expr) {
            Expr::Path(path) => self.local(&names::text(&path.path)).flatten(),
            Expr::Field(field) => match &field.member {
                syn::Member::Named(name) => self.index.field(&self.of_crate(), &names::plain(name)),
                syn::Member::Unnamed(_) => None,
            },
            Expr::Call(call) if is_block_on(&call.func) => {
                self.kind_within(call.args.first()?, depth)?.awaited()
            }
            Expr::Call(call) => match self.called(call)?.0 {
                Called::Known(Does::JoinAll) => {
                    let of = self.kind_within(call.args.first()?, depth)?;
                    (of.wrap == Wrap::Many).then(|| Kind::outcome(Origin::Join).wrapped(Wrap::FutureMany))
                }
                Called::Known(does) => does.returns(),
                Called::Own(kind) => Some(kind),
            },
            Expr::MethodCall(call) => self.made_within(call, depth).map(|made| made.kind),
            Expr::Await(expr) => self.kind_within(&expr.base, depth)?.awaited(),
            Expr::Try(expr) => self.kind_within(&expr.expr, depth)?.unwrapped(),
            Expr::Index(expr) => self.kind_within(&expr.expr, depth)?.element(),
            Expr::Block(block) => match block.block.stmts.last()? {
                syn::Stmt::Expr(expr, None) => self.kind_within(expr, depth),
                _ => None,
            },
            Expr::Async(block) => match block.block.stmts.last()? {
                syn::Stmt::Expr(expr, None) => {
                    let of = self.kind_within(expr, depth)?;
                    (of.wrap == Wrap::Bare).then(|| of.wrapped(Wrap::Future))
                }
                _ => None,
            },
            Expr::Unsafe(block) => match block.block.stmts.last()? {
                syn::Stmt::Expr(expr, None) => self.kind_within(expr, depth),
                _ => None,
            },
            Expr::Macro(mac) if mac.mac.path.is_ident("vec") => {
                let of = self.kind_within(&super::macros::first(&mac.mac)?, depth)?;
                (of.wrap == Wrap::Bare).then(|| of.wrapped(Wrap::Many))
            }
            Expr::Array(array) => {
                let of = self.kind_within(array.elems.first()?, depth)?;
                (of.wrap == Wrap::Bare).then(|| of.wrapped(Wrap::Many))
            }
            _ => None,
        }
    }

    /// What a method makes of its receiver.
    pub(super) fn made(&self, call: &ExprMethodCall) -> Option<Made> {
        self.made_within(call, MAX_DEPTH)
    }

    fn made_within(&self, call: &ExprMethodCall, depth: usize) -> Option<Made> {
        let name = names::plain(&call.method);
        let made = |kind, certainty| Some(Made { kind, starts: false, certainty });
        if name == "block_on" {
            return made(self.kind_within(call.args.last()?, depth)?.awaited()?, Certainty::Syntactic);
        }
        let said = self.said(call.method.span());
        if let Said::Calls(path) = said {
            let kind = Kind::outcome(Origin::Catch).wrapped(Wrap::Future);
            let made = if clippy::is_future_catch(path) {
                Some(Made { kind, starts: false, certainty: Certainty::Resolved })
            } else {
                self.made_of(clippy::receiver(path)?, &name, call)
            };
            return made.map(|made| Made { certainty: Certainty::Resolved, ..made });
        }
        // The compiler knows the method, and it is not that of a thread's handle.
        let is_other = matches!(said, Said::Other);
        match self.kind_within(&call.receiver, depth) {
            Some(of) => self.made_of(of, &name, call),
            None => match (name.as_str(), call.args.len()) {
                ("join", 0) if is_other => None,
                ("join", 0) if !self.index.has_method(&self.of_crate(), "join") => {
                    made(Kind::outcome(Origin::Join), Certainty::Syntactic)
                }
                ("catch_unwind", 0) => {
                    made(Kind::outcome(Origin::Catch).wrapped(Wrap::Future), Certainty::Syntactic)
                }
                ("join_next", 0) => {
                    made(Kind::outcome(Origin::Join).wrapped(Wrap::FutureOption), Certainty::Syntactic)
                }
                ("map", 1) => {
                    let of = self.of_closure(call.args.first()?, depth)?;
                    made(
                        if of.wrap == Wrap::Bare { of.wrapped(Wrap::Many) } else { return None },
                        Certainty::Syntactic,
                    )
                }
                // A method of that name in the crate itself may be meant, and that is known.
                ("spawn" | "spawn_blocking" | "spawn_local", 1..)
                    if runs_code(call.args.first()?) && !self.index.has_method(&self.of_crate(), &name) =>
                {
                    Some(Made {
                        kind: Kind::object(Object::Other),
                        starts: true,
                        certainty: Certainty::Guessed,
                    })
                }
                _ => {
                    let kind = self.index.method(&self.of_crate(), &name)?;
                    let interesting = !matches!(kind.core, Core::Object(_));
                    interesting.then_some(Made { kind, starts: false, certainty: Certainty::Guessed })
                }
            },
        }
    }

    /// The same where it is known what the receiver is.
    fn made_of(&self, of: Kind, name: &str, call: &ExprMethodCall) -> Option<Made> {
        let made = |kind| Some(Made { kind, starts: false, certainty: Certainty::Syntactic });
        match (of.core, of.wrap, name) {
            (Core::Object(_), Wrap::Bare, "clone" | "as_ref" | "as_mut" | "by_ref") => made(of),
            (Core::Object(object), Wrap::Bare, _) => {
                let (kind, starts) = known::method(object, name)?;
                Some(Made { kind, starts, certainty: Certainty::Resolved })
            }
            (Core::Handle(Runner::Thread | Runner::Scoped | Runner::Agent), Wrap::Bare, "join") => {
                Some(Made {
                    kind: Kind::outcome(Origin::Join),
                    starts: false,
                    certainty: Certainty::Resolved,
                })
            }
            (_, Wrap::Future, "catch_unwind") => made(Kind::outcome(Origin::Catch).wrapped(Wrap::Future)),
            (
                _,
                _,
                "clone" | "as_ref" | "as_mut" | "by_ref" | "lock" | "borrow_mut" | "get_mut" | "write",
            ) => made(of),
            (_, _, "unwrap" | "expect") if is_locked(&call.receiver) => made(of),
            (_, Wrap::Option | Wrap::Result, "unwrap" | "expect" | "unwrap_or_else") => made(of.unwrapped()?),
            (_, Wrap::Option, "take" | "replace" | "insert" | "filter" | "or") => made(of),
            (_, Wrap::Result, "map_err" | "context" | "with_context") => made(of),
            (_, Wrap::Result, "ok") => made(of.wrapped(Wrap::Option)),
            (
                Core::Outcome(_),
                Wrap::Bare,
                "map" | "and_then" | "inspect_err" | "inspect" | "or_else" | "map_err",
            ) => made(of),
            (
                _,
                Wrap::Many,
                "pop" | "next" | "pop_front" | "pop_back" | "last" | "first" | "remove" | "swap_remove",
            ) => made(of.wrapped(Wrap::Option)),
            (_, Wrap::Many, "map") => {
                let inner = self.of_closure(call.args.first()?, 8)?;
                made(if inner.wrap == Wrap::Bare { inner.wrapped(Wrap::Many) } else { return None })
            }
            (
                _,
                Wrap::Many,
                "iter" | "iter_mut" | "into_iter" | "drain" | "rev" | "enumerate" | "collect" | "skip"
                | "take" | "into_values" | "values" | "values_mut" | "chain" | "flatten" | "filter",
            ) => made(of),
            _ => None,
        }
    }

    /// What a closure returns.
    fn of_closure(&self, expr: &Expr, depth: usize) -> Option<Kind> {
        match strip(expr) {
            Expr::Closure(closure) => self.kind_within(&closure.body, depth),
            // `.map(thread::spawn)`
            Expr::Path(path) => match self.meant(&path.path)?.0 {
                Called::Known(does) => does.returns(),
                Called::Own(kind) => Some(kind),
            },
            _ => None,
        }
    }
}

/// What is inside of brackets and references.
pub(super) fn strip(expr: &Expr) -> &Expr {
    let mut expr = expr;
    loop {
        expr = match expr {
            Expr::Paren(inner) => &inner.expr,
            Expr::Group(inner) => &inner.expr,
            Expr::Reference(inner) => &inner.expr,
            _ => return expr,
        };
    }
}

/// A function that awaits for its caller.
pub(super) fn is_block_on(callee: &Expr) -> bool {
    matches!(strip(callee), Expr::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "block_on"))
}

/// A closure or an `async` block: what people give to a method that is called `spawn`.
fn runs_code(expr: &Expr) -> bool {
    matches!(strip(expr), Expr::Closure(_) | Expr::Async(_))
}

/// Whether what is unwrapped is a lock, and not what is inside.
fn is_locked(receiver: &Expr) -> bool {
    match strip(receiver) {
        Expr::MethodCall(call) => {
            call.args.is_empty()
                && ["lock", "write", "read", "get_mut"].iter().any(|name| call.method == name)
        }
        _ => false,
    }
}
