//! The part `rates`: pushes as fast as the server responds, store and registry alternately.

use std::sync::Arc;

use crate::Result;
use crate::load::Target;
use crate::options::{Case, Part, Size};
use crate::report::Rounds;
use crate::run::{PACE_CASE, Run};

const TABLE_HEAD: &str = "
| modules x connections | server | pushes/s (of rounds) | p50 / p99 / max ms | CPU ms/push | ratio |
|---|---|---|---|---|---|";

impl Run<'_> {
    /// Measures all cases of one size. Returns the rate of the store in the case [`PACE_CASE`], if it is one of them.
    pub async fn rates(&self, size: Size) -> Result<Option<f64>> {
        let is_selected = self.options.parts.contains(&Part::Rates);
        let cases: Vec<_> = (self.options.cases.iter())
            .filter(|case| is_selected && case.size == size)
            .collect();
        if !cases.is_empty() {
            println!("{TABLE_HEAD}");
        }
        let mut pace = None;
        for case in cases {
            let rate = self.rate(*case).await?;
            if *case == PACE_CASE {
                pace = Some(rate);
            }
        }
        Ok(pace)
    }

    /// Measures a case, and returns the rate of the store.
    async fn rate(&self, case: Case) -> Result<f64> {
        let time = self.options.seconds;
        let store = self.load(Target::Store(Arc::clone(&self.store)), case.size);
        let registry = (self.registry.as_ref())
            .map(|registry| self.load(Target::Registry(Arc::clone(registry)), case.size));
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..self.options.rounds {
            ours.push(store.closed_loop(case.connections, time).await?);
            if let Some(registry) = &registry {
                theirs.push(registry.closed_loop(case.connections, time).await?);
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
