//! All interleavings of the protocols between panicking threads and the writer: one test for each model.

use libtest_mimic::{Arguments, Trial};
use panic_agent_loom::models;

fn main() {
    let models = models::ALL.into_iter().map(|(name, explore)| {
        Trial::test(name, move || {
            explore();
            Ok(())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), models.collect()).exit();
}
