//! A test suite that does little but start, join and wake threads, in seconds rather than in minutes.
