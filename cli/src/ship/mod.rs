//! `panic-agent ship`: what `panic_agent_ship` does, in a process of its own.
//!
//! Runs on: the main thread; one that waits for signals, and one that tells numbers. Must not: go on when the end is asked for.

mod args;
mod expose;

pub(crate) use args::ShipArgs;

use panic_agent_ship::{Config, Shipper, Stop};

use crate::Outcome;
use crate::failure::Failure;

pub(crate) fn ship(args: &ShipArgs) -> Outcome {
    let config = Config::read(&args.config)?.names(&args.debug_dir, &args.binary)?;
    if args.check {
        println!("`{}` is valid; destinations: {}", args.config.display(), config.destinations());
        return Ok(0);
    }
    let listener = args.metrics.map(expose::listen).transpose()?;
    let shipper = Shipper::start_alone(config)?;
    let numbers = shipper.numbers();
    on_signal(shipper.stop())?;
    if let Some(listener) = listener {
        expose::serve(listener, numbers.clone());
    }
    if let Some(path) = &args.metrics_file {
        expose::keep(path.clone(), numbers.clone(), shipper.stop());
    }
    if args.once {
        shipper.drain(args.timeout);
    }
    let ended = shipper.wait();
    if ended.has_died() {
        let why = "the thread of a destination died, so shipping has stopped; what was not delivered is sent after the next start";
        return Err(Failure::new(why));
    }
    if let Some(path) = &args.metrics_file {
        expose::write(path, &numbers);
    }
    let mut all_dead = 0;
    for (name, shipped, dead) in numbers.by_destination() {
        all_dead += dead;
        if args.once {
            eprintln!(
                "panic-agent: destination `{name}`: {shipped} records delivered, {dead} in the dead-letter file"
            );
        }
    }
    Ok(match (args.once, ended.is_complete(), all_dead) {
        (false, ..) | (true, true, 0) => 0,
        (true, true, _) => 1,
        (true, false, _) => 3,
    })
}

/// A signal asks for the end; a second one is not waited for.
fn on_signal(stop: Stop) -> Result<(), Failure> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])
        .map_err(|error| Failure::new(format!("cannot wait for signals: {error}")))?;
    std::thread::spawn(move || {
        for signal in signals.forever() {
            if stop.is_asked() {
                std::process::exit(128 + signal);
            }
            stop.ask();
        }
    });
    Ok(())
}
