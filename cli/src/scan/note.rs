//! Notes the places in an expression, and judges them by what becomes of their values.
//!
//! Runs on: the threads that read files. Must not: follow the expression; `flow` does.

use syn::Expr;

use super::becomes::{Call, abort_only, how_label, of_handle, outcome, spawn};
use super::env::{Called, is_block_on, strip};
use super::fate::{Fate, as_outcome};
use super::flow::is_looked_after;
use super::kind::{Core, Kind, Object, Origin, Runner, Wrap};
use super::known::Does;
use super::names;
use super::record::{finding, span_of};
use super::rule::Rule;
use super::site::{Becomes, Certainty, SiteKind};
use super::walk::Walker;

pub(super) fn note(walker: &mut Walker<'_, '_>, expr: &Expr, fate: &Fate) {
    match expr {
        Expr::Call(call) if is_block_on(&call.func) => blocked(walker, expr, call.args.last(), fate),
        Expr::MethodCall(call) if call.method == "block_on" => blocked(walker, expr, call.args.last(), fate),
        Expr::Call(call) => {
            let Some((called, path, certainty)) = walker.env.called(call) else { return };
            match called {
                Called::Known(does) => {
                    let call = Call { expr, api: &path, certainty, runs: call.args.first() };
                    known(walker, call, does, fate);
                }
                Called::Own(kind) => {
                    own(walker, expr, kind, &path, certainty.min(Certainty::Syntactic), fate)
                }
            }
        }
        Expr::MethodCall(call) => method(walker, expr, call, fate),
        Expr::Await(inner) => {
            let of = walker.env.kind_of(&inner.base);
            let api = match of {
                Some(Kind {
                    core: Core::Handle(runner @ (Runner::Tokio | Runner::Blocking)),
                    wrap: Wrap::Bare,
                }) => {
                    format!("`.await` of a {}", runner.noun())
                }
                Some(Kind { core: Core::Outcome(Origin::Join), wrap: Wrap::FutureOption }) => {
                    "`join_next().await`".to_owned()
                }
                Some(Kind { core: Core::Outcome(Origin::Join), wrap: Wrap::FutureMany }) => {
                    "`join_all(..).await`".to_owned()
                }
                _ => return,
            };
            let call = Call { expr, api: &api, certainty: Certainty::Syntactic, runs: None };
            outcome(walker, call, SiteKind::Join, fate);
        }
        _ => {}
    }
}

/// `block_on(handle)`.
fn blocked(walker: &mut Walker<'_, '_>, expr: &Expr, future: Option<&Expr>, fate: &Fate) {
    let of = future.and_then(|future| walker.env.kind_of(future));
    // The others panic in turn, or have no error.
    if let Some(Kind { core: Core::Handle(runner @ (Runner::Tokio | Runner::Blocking)), wrap: Wrap::Bare }) =
        of
    {
        let api = format!("`block_on` of a {}", runner.noun());
        let call = Call { expr, api: &api, certainty: Certainty::Syntactic, runs: None };
        outcome(walker, call, SiteKind::Join, fate);
    }
}

fn known(walker: &mut Walker<'_, '_>, call: Call<'_>, does: Does, fate: &Fate) {
    match does {
        Does::Spawn(runner) => spawn(walker, call, runner, fate),
        Does::SpawnRayon => abort_only(walker, call),
        Does::Catch | Does::CatchAgent => outcome(walker, call, SiteKind::Catch, fate),
        Does::ScopeOutcome => outcome(walker, call, SiteKind::Join, fate),
        Does::SetHook => super::hooks::set(walker, call.expr, call.certainty, call.runs),
        Does::TakeHook => super::hooks::take(walker, call.expr, call.certainty, fate),
        Does::Exit => exit(walker, call.expr, call.certainty),
        _ => {}
    }
}

fn method(walker: &mut Walker<'_, '_>, expr: &Expr, call: &syn::ExprMethodCall, fate: &Fate) {
    let Some(made) = walker.env.made(call) else { return };
    let receiver = walker.env.receiver(call);
    let name = names::plain(&call.method);
    let noted = |api| Call { expr, api, certainty: made.certainty, runs: call.args.first() };
    match (made.kind.core, receiver.map(|of| of.core)) {
        (Core::Handle(runner), Some(Core::Object(object))) if made.starts => {
            let api = format!("{}::{name}", object_name(object));
            // `spawn_on(future, handle)`: what runs comes first.
            spawn(walker, noted(&api), runner, fate);
        }
        (_, Some(Core::Object(Object::JoinSet))) if made.starts => {
            let api = format!("JoinSet::{name}");
            let inside = walker.env.fate_inside(&call.receiver);
            let Some(Fate::Dropped(how)) = inside else {
                noted(&api).site(walker, SiteKind::Spawn, Becomes::Supervised);
                return;
            };
            let message =
                "nobody asks this set how its tasks ended: if one panics, nobody is told".to_owned();
            noted(&api).orphan(walker, message, how_label(&how));
        }
        (_, Some(Core::Object(Object::RayonPool))) if made.starts => {
            abort_only(walker, noted("rayon::ThreadPool::spawn"));
        }
        (_, Some(Core::Object(Object::ThreadPool))) if made.starts => {
            let message = "the pool catches a panic of this job and drops it: nobody is told".to_owned();
            let call = noted("threadpool::ThreadPool::execute");
            call.orphan(walker, message, "the job has no handle".to_owned());
        }
        (_, None) if made.starts => {
            let api = format!(".{name}(..)");
            let guess = Call { certainty: Certainty::Guessed, ..noted(&api) };
            let is_scope = matches!(strip(&call.receiver), Expr::Path(path) if path.path.is_ident("scope") || path.path.is_ident("s"));
            if is_scope {
                guess.site(walker, SiteKind::Spawn, Becomes::Supervised);
            } else if matches!(fate, Fate::Dropped(_)) {
                let message =
                    format!("what `{name}` returns is dropped; if it is a handle, nobody is told of a panic");
                guess.orphan(walker, message, "dropped here".to_owned());
            } else {
                guess.site(walker, SiteKind::Spawn, Becomes::Kept);
            }
        }
        (Core::Outcome(Origin::Join), _) if name == "join" && made.kind.wrap == Wrap::Bare => {
            outcome(walker, Call { runs: None, ..noted("join()") }, SiteKind::Join, fate);
        }
        (Core::Outcome(Origin::Join), _) if name.starts_with("try_join_next") => {
            let api = format!("{name}()");
            outcome(walker, Call { runs: None, ..noted(&api) }, SiteKind::Join, fate);
        }
        (Core::Outcome(Origin::Catch), _) if name == "catch_unwind" => {
            let call = Call { runs: Some(&*call.receiver), ..noted("FutureExt::catch_unwind") };
            outcome(walker, call, SiteKind::Catch, fate);
        }
        (_, None) => own(walker, expr, made.kind, &format!(".{name}()"), made.certainty, fate),
        _ => {}
    }
}

/// A function or method of the workspace.
fn own(walker: &mut Walker<'_, '_>, expr: &Expr, kind: Kind, path: &str, certainty: Certainty, fate: &Fate) {
    match (kind.core, kind.wrap, fate) {
        (Core::Handle(runner), Wrap::Bare | Wrap::Result | Wrap::Many | Wrap::Future, fate)
            if !is_looked_after(runner) =>
        {
            let code = code_of(expr);
            let dropped = matches!(fate, Fate::Dropped(_));
            if code.is_none() && !dropped {
                return;
            }
            let call = Call { expr, api: path, certainty, runs: code };
            if let Fate::Dropped(how) = fate {
                let message = format!("`{path}` returns the handle of a {}, which is dropped", runner.noun());
                call.orphan(walker, message, how_label(how));
            } else {
                call.site(walker, SiteKind::Spawn, of_handle(runner, fate));
            }
        }
        (Core::Outcome(origin), Wrap::Bare, fate) => {
            // `std::thread::Result` is the type of both.
            let origin =
                if path.contains("catch") || path.contains("unwind") { Origin::Catch } else { origin };
            let kind = if origin == Origin::Join { SiteKind::Join } else { SiteKind::Catch };
            if matches!(as_outcome(fate.clone()), Fate::Swallowed(_) | Fate::Lost(_)) {
                outcome(walker, Call { expr, api: path, certainty, runs: None }, kind, fate);
            }
        }
        _ => {}
    }
}

/// The closure or future that a call is given.
fn code_of(expr: &Expr) -> Option<&Expr> {
    let arguments = match expr {
        Expr::Call(call) => &call.args,
        Expr::MethodCall(call) => &call.args,
        _ => return None,
    };
    arguments.iter().find(|argument| matches!(strip(argument), Expr::Closure(_) | Expr::Async(_)))
}

fn object_name(object: Object) -> &'static str {
    match object {
        Object::Builder => "std::thread::Builder",
        Object::Scope => "std::thread::Scope",
        Object::OtherScope => "Scope",
        Object::JoinSet => "JoinSet",
        Object::Tracker => "TaskTracker",
        Object::Tokio => "tokio::runtime::Handle",
        Object::Executor => "Executor",
        Object::Agent => "panic_agent",
        _ => "",
    }
}

fn exit(walker: &mut Walker<'_, '_>, expr: &Expr, certainty: Certainty) {
    if walker.functions.last().is_some_and(|function| function.is_main) {
        return;
    }
    let message = match walker.in_test {
        true => "`process::exit` in a test ends the whole run, with the status of the call".to_owned(),
        false => {
            "`process::exit` outside of `main`: no destructor runs, and no thread is waited for".to_owned()
        }
    };
    finding(
        walker,
        Rule::ExitOutsideMain,
        certainty,
        span_of(expr),
        message,
        "the process ends here".to_owned(),
        None,
    );
}
