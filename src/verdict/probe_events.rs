//! What the probes' events mean for the lives of panics.
//!
//! Runs on: the writer thread. Must not: apply an event before the record that it speaks of.

use super::follow::Follow;
use super::life::LifeEvent;
use super::lineage::{may_be_of_scope, place_of};
use super::{DroppedBy, Lives, Thread, Throw, place};
use crate::probe::{Catcher, Entry, Event, Keeper, LOST, Language, PanicRef, Stamp, Trace};
use crate::record::finding::Finding;
use crate::record::{EhAction, Handler, HandlerKind, Notice, Place};
use crate::symbolize::{Namer, program_place, unnamed};

impl Follow {
    /// Applies one event.
    pub(super) fn apply(&mut self, entry: &Entry, namer: &mut dyn Namer) {
        let Entry { stamp, event, place: at, .. } = entry;
        let Stamp { thread, tid, mono_ns } = *stamp;
        self.lives.at(tid, mono_ns);
        match *event {
            Event::Started { parent, parent_tid, .. } => {
                let spawned_at = at.ips().into();
                self.lives.started(thread, Thread { tid, began_ns: mono_ns, parent, parent_tid, spawned_at });
            }
            Event::Exited => {
                self.lives.exited(thread, tid, mono_ns);
                self.end_scopes_of(thread, namer);
                self.lineages.remove(&tid);
            }
            Event::Joined { target } => self.lives.joined(tid, target.last_panic),
            Event::Detached { target } => self.lives.detached(tid, target.last_panic),
            Event::Raised { panic, trace, walked, vtable, .. } if self.concerns(panic) => {
                let traced = matches!(trace, Trace::Traced | Trace::AtItsAddress);
                let kind = if trace == Trace::AtItsAddress { vtable } else { 0 };
                let throw = Throw { serial: panic.serial, thread, tid, traced, kind, recorded_again: walked };
                self.lives.thrown(panic.hooked, throw);
            }
            Event::Unraised { panic, .. } if self.concerns(panic) => {
                self.lives.apply(panic.hooked, LifeEvent::EndOfStack)
            }
            Event::Landed { panic, ip, cleanups, action, handler, .. } if self.concerns(panic) => {
                match (handler, action) {
                    // A frame of another language must throw it on, or the process aborts: not the end yet.
                    (Language::Foreign, _) => {}
                    (Language::Rust, EhAction::Filter | EhAction::Terminate) => {
                        self.lives.doomed(panic.hooked);
                    }
                    (Language::Rust, _) => self.lives.landed(panic.hooked, tid, ip, cleanups),
                }
            }
            Event::Read { panic, .. } if self.concerns(panic) => {
                let place = Place { os_thread: Some(tid), ..place_of(at.ips(), namer) };
                self.lives.read(panic.hooked, tid, namer.redact_place(place));
            }
            Event::Dropped { panic, reads, .. } if self.concerns(panic) => {
                let frames = namer.name(at.ips());
                let (named, place) = place::dropped(&frames, self.lives.caught_by(panic.hooked));
                // What threads did with it is the same in every build, and is asked first.
                let by = match self.lives.dropped_by_whom(panic.hooked, tid) {
                    DroppedBy::Unknown => named,
                    certain => certain,
                };
                let stack = match by {
                    DroppedBy::Runtime => Vec::new(),
                    _ => unnamed(at.ips(), &frames, namer),
                };
                let place = namer.redact_place(Place { os_thread: Some(tid), stack, ..place });
                let noted = self.sight.starts_are_noted;
                let mut of_scope = || may_be_of_scope(self.lives.line_of_panic(panic.hooked), noted, namer);
                if by == DroppedBy::Runtime && of_scope() {
                    self.lives.awaits_scope(panic.hooked);
                }
                self.lives.dropped(panic.hooked, tid, by, place, reads);
            }
            Event::Strayed { vtable, .. } => self.lives.strayed(vtable),
            Event::Wrapped { panic, by, line } if self.concerns(panic) => {
                let handler = wrapper(by, namer.redact_place(call(entry, line)));
                self.lives.wrapped(panic.hooked, tid, handler);
            }
            Event::Handed { panic } if self.concerns(panic) => self.lives.handed(panic.hooked, tid),
            Event::Disposed { panic, by } if self.concerns(panic) => {
                let place = program_place(&namer.name(at.ips()));
                let place = namer.redact_place(Place { os_thread: Some(tid), ..place });
                let by = match by {
                    Keeper::Wrapper => DroppedBy::Runtime,
                    Keeper::Program => DroppedBy::Program,
                };
                self.lives.disposed(panic.hooked, tid, by, place);
            }
            Event::Noticed { what, panic, number } => {
                let place = place_of(at.ips(), namer);
                let panic = Some(panic.hooked).filter(|sequence| *sequence != 0);
                if what == Notice::HandedOver {
                    // How panics go on that are under way is seen by the other agent, if by anybody.
                    self.lives.evidence_lost();
                }
                let finding = Finding::noticed(what, entry.text.as_str(), number, panic, place);
                self.findings.push(finding);
            }
            _ => {}
        }
    }

    /// A thread ended: scopes on it speak of no child any more.
    fn end_scopes_of(&mut self, thread: u64, namer: &mut dyn Namer) {
        for sequence in self.lives.awaiting_scopes_on(thread) {
            let line: Vec<_> = self.lives.line_of_panic(sequence).collect();
            // Whoever a scope may have spawned may have been given that scope.
            let of_scopes = (0..line.len()).take_while(|child| {
                let line = line.get(*child..).unwrap_or_default().iter().copied();
                may_be_of_scope(line, self.sight.starts_are_noted, namer)
            });
            let all_ended =
                of_scopes.filter_map(|child| line.get(child)).all(|child| self.lives.parent_ended(child));
            if all_ended {
                self.lives.scopes_are_over(sequence);
            }
        }
    }

    /// Whether the life of this panic is kept.
    fn concerns(&self, panic: PanicRef) -> bool {
        panic.hooked != 0 && self.lives.knows(panic.hooked)
    }
}

/// Whether everything has arrived that an event speaks of.
pub(super) fn is_ready(lives: &Lives, event: &Event) -> bool {
    let panic = panic_of(event);
    let repeated = matches!(event, Event::Raised { walked: true, .. });
    matches!(panic.hooked, 0 | LOST) || lives.is_ready(panic.hooked, repeated)
}

/// The panic that an event speaks of; none for one that needs no record.
pub(super) fn panic_of(event: &Event) -> PanicRef {
    match *event {
        Event::Raised { panic, .. }
        | Event::Unraised { panic, .. }
        | Event::Landed { panic, .. }
        | Event::Read { panic, .. }
        | Event::Wrapped { panic, .. }
        | Event::Handed { panic }
        | Event::Disposed { panic, .. }
        | Event::Dropped { panic, .. } => panic,
        _ => PanicRef::NONE,
    }
}

/// Where the program set a wrapper up.
fn call(entry: &Entry, line: u32) -> Place {
    let file = Some(entry.text.as_str().to_owned()).filter(|file| !file.is_empty());
    Place { file, line: Some(line).filter(|line| *line != 0), ..Place::default() }
}

/// A wrapper as a handler; `call` is where the program set it up.
fn wrapper(by: Catcher, call: Place) -> Handler {
    let kind = match by {
        Catcher::Catch => HandlerKind::User,
        Catcher::Thread => HandlerKind::ThreadRoot,
        Catcher::Supervisor => HandlerKind::Supervisor,
        Catcher::Group => HandlerKind::TaskGroup,
        Catcher::Ffi => HandlerKind::Ffi,
        Catcher::Future => HandlerKind::Futures,
        Catcher::Task => HandlerKind::TokioTask,
        Catcher::Blocking => HandlerKind::TokioBlocking,
        Catcher::Tower => HandlerKind::Tower,
    };
    Handler { kind, function: None, file: call.file, line: call.line }
}
