//! The part `rates`: pushes as fast as they are answered, store and registry by turns.

use std::sync::Arc;

use crate::Result;
use crate::load::Target;
use crate::options::{Case, Part, Size};
use crate::report::Rounds;
use crate::run::{PACE, Run};

const HEAD: &str = "
| modules x connections | server | pushes/s (of rounds) | p50 / p99 / max ms | CPU ms/push | ratio |
|---|---|---|---|---|---|";

impl Run<'_> {
    /// Measures every case of one size; the rate of the store in the case that sets the pace.
    pub async fn rates(&self, size: Size) -> Result<Option<f64>> {
        let cases = self.options.cases.iter().filter(|case| case.size == size);
        let is_wanted = self.options.parts.contains(&Part::Rates);
        let cases: Vec<_> = cases.filter(|_| is_wanted).collect();
        if !cases.is_empty() {
            println!("{HEAD}");
        }
        let mut pace = None;
        for case in cases {
            let rate = self.rate(*case).await?;
            if *case == PACE {
                pace = Some(rate);
            }
        }
        Ok(pace)
    }

    async fn rate(&self, case: Case) -> Result<f64> {
        let time = self.options.seconds;
        let store = self.load(Target::Store(Arc::clone(&self.store)), case.size);
        let registry = self.registry.as_ref();
        let registry = registry.map(|r| self.load(Target::Registry(Arc::clone(r)), case.size));
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..self.options.rounds {
            ours.push(store.closed(case.connections, time).await?);
            if let Some(registry) = &registry {
                theirs.push(registry.closed(case.connections, time).await?);
            }
        }
        let ours = Rounds::of(ours);
        let mut ratio = String::new();
        if !theirs.is_empty() {
            let theirs = Rounds::of(theirs);
            println!("| {case} | docker-registry | {} | 1 |", theirs.cells());
            ratio = format!("{:.2}", ours.rate / theirs.rate);
        }
        println!("| {case} | wasmstore | {} | {ratio} |", ours.cells());
        Ok(ours.rate)
    }
}
