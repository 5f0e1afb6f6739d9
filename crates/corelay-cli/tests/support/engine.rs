//! The engines, and how each accepts connections: every end-to-end test runs on every row.

/// One way to run the server, as flags.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Engine {
    /// Its name in `--engine` and in `/status`.
    pub(crate) name: &'static str,
    /// Flags that choose this engine; the test adds its own.
    pub(crate) flags: &'static [&'static str],
}

impl Engine {
    /// `cores`, a listener of its own for each core.
    pub(crate) const CORES_PER_CORE: Self =
        Self { name: "cores", flags: &["--engine", "cores", "--accept", "per-core"] };
    /// `cores`, one accept thread that gives each connection to the less loaded of two cores.
    pub(crate) const CORES_DISPATCH: Self =
        Self { name: "cores", flags: &["--engine", "cores", "--accept", "dispatch"] };
    /// `cores`, one accept thread that gives connections out in turn.
    pub(crate) const CORES_ROUND_ROBIN: Self =
        Self { name: "cores", flags: &["--engine", "cores", "--accept", "round-robin"] };
    /// `threads`: each woken by a listener.
    pub(crate) const THREADS: Self = Self { name: "threads", flags: &["--engine", "threads"] };
    /// `threads`, few of which are awake at a time; nothing is late enough to be refused.
    pub(crate) const THREADS_GATED: Self =
        Self { name: "threads", flags: &["--engine", "threads", "--shed-target", "60s"] };
    /// `threads`, each waiting for its own socket.
    pub(crate) const THREADS_BLOCKING: Self =
        Self { name: "threads", flags: &["--engine", "threads", "--threads-wake", "blocking"] };
    /// `pool`: workers that share a poller.
    pub(crate) const POOL: Self = Self { name: "pool", flags: &["--engine", "pool"] };
}

/// Makes a `#[test]` of each named `fn(Engine)` for each engine; the engine's name is part of the test's name, as in
/// `pipelining::cores_dispatch::answers_come_in_order`. A new engine is one more module here, and no more than that.
#[macro_export]
macro_rules! on_every_engine {
    ($($test:ident),+ $(,)?) => {
        $crate::on_cores!($($test),+);
        $crate::on_threads!($($test),+);
        $crate::on_engines!(($($test),+) pool: POOL);
    };
}

/// The same for what only `cores` does, however it accepts: `docs/engines.md` says where the others differ.
#[macro_export]
macro_rules! on_cores {
    ($($test:ident),+ $(,)?) => {
        $crate::on_engines!(
            ($($test),+) cores_per_core: CORES_PER_CORE, cores_dispatch: CORES_DISPATCH, cores_round_robin: CORES_ROUND_ROBIN
        );
    };
}

/// The same for what only `threads` does, however its threads are woken.
#[macro_export]
macro_rules! on_threads {
    ($($test:ident),+ $(,)?) => {
        $crate::on_engines!(($($test),+) threads: THREADS, threads_blocking: THREADS_BLOCKING);
    };
}

/// The same for the engines that are named, in a module each.
#[macro_export]
macro_rules! on_engines {
    ($tests:tt $($module:ident: $engine:ident),+ $(,)?) => {
        $(mod $module { $crate::on_engine!($engine $tests); })+
    };
}

/// The tests of one of them.
#[macro_export]
macro_rules! on_engine {
    ($engine:ident ($($test:ident),+)) => {
        $(#[test] fn $test() { super::$test($crate::support::Engine::$engine); })+
    };
}
