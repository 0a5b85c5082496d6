//! Stage 6
mod life;
