//! Which processors serve, and whether threads are bound to them.

use crate::config::{Config, Cores, Pin};
use crate::error::{Error, Result};

/// Cores and processors of a server.
pub(crate) struct Placement {
    /// One entry a core: the processor it is bound to, if it is.
    pub(crate) cores: Vec<Option<usize>>,
    /// Where service threads may run.
    pub(crate) cpus: Vec<usize>,
}

impl Placement {
    pub(crate) fn choose(config: &Config) -> Result<Self> {
        let usable = corelay_poll::affinity::usable_cpus().map_err(Error::Poll)?;
        Self::among(&usable, corelay_poll::affinity::cpu_quota(), &config.cores, config.pin)
    }

    fn among(usable: &[usize], quota: Option<f64>, cores: &Cores, pin: Pin) -> Result<Self> {
        let mut counted_by_quota = false;
        let cpus = match cores {
            Cores::Cpus(wanted) => chosen(usable, wanted)?,
            Cores::Count(count) => {
                if *count == 0 || *count > usable.len() {
                    let reason =
                        format!("{count} cores were asked for: between 1 and {} can be had", usable.len());
                    return Err(Error::Cores { reason });
                }
                usable[..*count].to_vec()
            }
            Cores::All => {
                let allowed = quota.map_or(usable.len(), |quota| (quota.ceil() as usize).max(1));
                counted_by_quota = allowed < usable.len();
                usable[..allowed.min(usable.len())].to_vec()
            }
        };
        let pinned = match pin {
            Pin::On => true,
            Pin::Off => false,
            Pin::Auto => !counted_by_quota,
        };
        let cores = cpus.iter().map(|cpu| pinned.then_some(*cpu)).collect();
        Ok(Self { cores, cpus: if pinned { cpus } else { usable.to_vec() } })
    }
}

fn chosen(usable: &[usize], wanted: &[usize]) -> Result<Vec<usize>> {
    let mut cpus = Vec::new();
    for cpu in wanted {
        if !usable.contains(cpu) {
            let reason = format!("processor {cpu} cannot be used: this process may use {usable:?}");
            return Err(Error::Cores { reason });
        }
        if !cpus.contains(cpu) {
            cpus.push(*cpu);
        }
    }
    if cpus.is_empty() {
        return Err(Error::Cores { reason: "no processor was named".into() });
    }
    Ok(cpus)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(quota: Option<f64>, cores: Cores, pin: Pin) -> Result<Placement> {
        Placement::among(&[0, 2, 3, 5], quota, &cores, pin)
    }

    #[test]
    fn all_usable_processors_are_pinned_unless_a_quota_set_the_count() {
        let all = choose(None, Cores::All, Pin::Auto).expect("a placement");
        assert_eq!(all.cores, [Some(0), Some(2), Some(3), Some(5)]);
        let quota = choose(Some(1.5), Cores::All, Pin::Auto).expect("a placement");
        assert_eq!(quota.cores, [None, None]);
        assert_eq!(quota.cpus, [0, 2, 3, 5], "a quota is time, not a place");
        let wide = choose(Some(16.0), Cores::All, Pin::Auto).expect("a placement");
        assert_eq!(wide.cores.len(), 4);
        assert_eq!(wide.cores[3], Some(5));
    }

    #[test]
    fn what_is_asked_for_is_given_or_refused_by_name() {
        let two = choose(None, Cores::Count(2), Pin::Off).expect("a placement");
        assert_eq!(two.cores, [None, None]);
        let named = choose(None, Cores::Cpus(vec![5, 0, 5]), Pin::On).expect("a placement");
        assert_eq!(named.cores, [Some(5), Some(0)]);
        let missing = choose(None, Cores::Cpus(vec![1]), Pin::Auto).err().expect("an error");
        assert_eq!(missing.to_string(), "processor 1 cannot be used: this process may use [0, 2, 3, 5]");
        assert!(choose(None, Cores::Count(5), Pin::Auto).is_err());
        assert!(choose(None, Cores::Count(0), Pin::Auto).is_err());
    }
}
