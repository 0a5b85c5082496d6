//! `panic-agent preload`: the library and its cache.

use crate::args::PreloadArgs;
use crate::{Outcome, library};

pub(crate) fn preload(args: PreloadArgs) -> Outcome {
    if args.clean {
        println!("{}", library::clean()?);
        return Ok(0);
    }
    let path = if args.build { Some(library::get()?) } else { library::look()? };
    match path {
        Some(path) => println!("{}", path.display()),
        None => {
            eprintln!("panic-agent: not built for the current compiler; run `panic-agent preload --build`");
            return Ok(1);
        }
    }
    Ok(0)
}
