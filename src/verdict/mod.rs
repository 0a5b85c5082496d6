//! Stage 6
mod life;
mod lives;
