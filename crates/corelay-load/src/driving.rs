//! The driver in a process of its own, so that it can have a CPU of its own and be counted apart: both ends of that.
//!
//! ```text
//!  Driving::start   ── plan, JSON ──▶  carry_out_and_hold   opens the connections
//!                   ◀── "open" ──────
//!  begin            ── an empty line ▶                      warm-up, measured time, drain
//!  report           ◀── report, JSON ─                      holds the connections
//!  release          ── end of input ─▶                      closes them, ends
//! ```
//!
//! Whoever starts it looks at the server in between: before the load, within the measured time, and while the connections are held.
//! What the process is (`corelay-load-driver --hold`, or a program's own) and where it runs is in the [`Command`] given.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Deserializer;

use crate::{Error, Plan, Report, run, run_and_hold};

/// What the process says when its connections are open.
const OPEN: &str = "open\n";

/// A driver's process, its connections open.
#[derive(Debug)]
pub struct Driving {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Driving {
    /// Starts the process, and returns when it has opened the plan's connections.
    ///
    /// # Errors
    ///
    /// It cannot be started, or refuses the plan.
    pub fn start(command: &mut Command, plan: &Plan) -> Result<Self, Error> {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn()?;
        let output = BufReader::new(child.stdout.take().ok_or_else(not_piped)?);
        let mut driving = Self { child, output };
        driving.tell(&serde_json::to_vec(plan).map_err(io::Error::from)?)?;
        match driving.line()? {
            said if said == OPEN => Ok(driving),
            said => Err(driving.failed(&said)),
        }
    }

    /// Begins with the warm-up.
    ///
    /// # Errors
    ///
    /// The process has ended.
    pub fn begin(&mut self) -> Result<(), Error> {
        Ok(self.tell(b"\n")?)
    }

    /// What it found, when it is over: warm-up, measured time and drain.
    ///
    /// # Errors
    ///
    /// The process failed.
    pub fn report(&mut self) -> Result<Report, Error> {
        let said = self.line()?;
        serde_json::from_str(&said).map_err(|_| self.failed(&said))
    }

    /// Closes the connections, and waits for the process to end.
    ///
    /// # Errors
    ///
    /// It failed meanwhile.
    pub fn release(mut self) -> Result<(), Error> {
        drop(self.child.stdin.take());
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(self.failed("")) }
    }

    fn tell(&mut self, input: &[u8]) -> io::Result<()> {
        self.child.stdin.as_mut().ok_or_else(not_piped)?.write_all(input)
    }

    /// The next line that it says; empty if it has ended.
    fn line(&mut self) -> io::Result<String> {
        let mut said = String::new();
        self.output.read_line(&mut said)?;
        Ok(said)
    }

    /// Ends the process, and says why it did not do what it should: in its own words, if it has any.
    fn failed(&mut self, said: &str) -> Error {
        drop(self.child.stdin.take());
        let mut words = String::new();
        if let Some(mut errors) = self.child.stderr.take() {
            // An unreadable reason is none.
            let _ = errors.read_to_string(&mut words);
        }
        let words = if words.trim().is_empty() { format!("it said {said:?}") } else { words };
        Error::System(io::Error::other(format!("its process failed: {}", words.trim())))
    }
}

impl Drop for Driving {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // Only to leave no zombie: after `release` there is none, and its status was looked at.
        let _ = self.child.wait();
    }
}

/// What the process does that [`Driving`] starts: carries out the plan on standard input.
///
/// # Errors
///
/// Standard input holds no plan, or what [`run`] reports.
pub fn carry_out_and_hold() -> Result<(), Error> {
    // The input goes on behind the plan, so its end cannot say where that ends.
    let plan = Deserializer::from_reader(io::stdin().lock()).into_iter::<Plan>().next();
    let plan = plan.and_then(Result::ok).ok_or_else(no_plan)?;
    corelay_poll::limits::raise_open_files()?;
    let (report, held) = run_and_hold(&plan, || {
        print!("{OPEN}");
        // An input that has ended begins it too.
        let _ = io::stdin().read_line(&mut String::new());
    })?;
    let mut output = io::stdout().lock();
    serde_json::to_writer(&mut output, &report).map_err(io::Error::from)?;
    writeln!(output)?;
    io::stdin().read_to_end(&mut Vec::new())?;
    drop(held);
    Ok(())
}

/// The same for who only wants the report: prints it, and ends.
///
/// # Errors
///
/// Those of [`carry_out_and_hold`].
pub fn carry_out() -> Result<(), Error> {
    let plan = serde_json::from_reader(io::stdin().lock()).map_err(|_| no_plan())?;
    corelay_poll::limits::raise_open_files()?;
    let report = run(&plan)?;
    serde_json::to_writer_pretty(io::stdout().lock(), &report).map_err(io::Error::from)?;
    println!();
    Ok(())
}

fn no_plan() -> Error {
    Error::Plan("standard input is no plan in JSON".into())
}

fn not_piped() -> io::Error {
    io::Error::other("the driver's process has no pipe")
}
