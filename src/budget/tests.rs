use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use super::*;

const MIB: u64 = 1 << 20;

/// A waker that counts how often it was woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn poll(wait: &mut ChargeWait, woken: &Arc<Woken>) -> Poll<Result<Charge, Exhausted>> {
    let waker = Waker::from(Arc::clone(woken));
    Pin::new(wait).poll(&mut Context::from_waker(&waker))
}

#[test]
fn charges_are_returned_when_they_are_dropped() {
    let budget = ByteBudget::new(8 * MIB);
    let mut charge = budget.try_charge(3 * MIB).unwrap();
    charge.try_grow(2 * MIB).unwrap();
    assert_eq!((charge.bytes(), budget.used()), (5 * MIB, 5 * MIB));
    assert_eq!(charge.try_grow(3 * MIB), Err(Exhausted));
    assert_eq!(charge.try_grow(u64::MAX), Err(Exhausted));
    assert_eq!(charge.bytes(), 5 * MIB);
    let part = charge.split(MIB);
    assert_eq!((charge.bytes(), part.bytes()), (4 * MIB, MIB));
    drop(part);
    charge.try_resize(2 * MIB).unwrap();
    assert_eq!(budget.used(), 2 * MIB);
    charge.shrink(9 * MIB);
    assert_eq!((charge.bytes(), budget.used()), (0, 0));
    charge.try_resize(MIB).unwrap();
    drop(charge);
    assert_eq!(budget.used(), 0);
}

#[test]
fn small_charges_have_a_share_of_their_own() {
    let budget = ByteBudget::new(8 * MIB);
    assert_eq!(budget.largest(), 7 * MIB);
    let _all = budget.try_charge(7 * MIB).unwrap();
    assert_eq!(
        budget.try_charge(SMALL_BYTES_MAX + 1).err(),
        Some(Exhausted)
    );
    let mut large = budget.wait(2 * MIB);
    assert!(poll(&mut large, &Arc::default()).is_pending());
    let mut small = Vec::new();
    while let Ok(charge) = budget.try_charge(SMALL_BYTES_MAX) {
        small.push(charge);
    }
    assert_eq!(small.len() as u64, MIB / SMALL_BYTES_MAX);
    // A small charge may not grow into a large one with bytes that are reserved for small charges.
    small.pop();
    assert_eq!(small[0].try_grow(1), Err(Exhausted));
}

#[test]
fn large_charges_are_granted_in_order() {
    let budget = ByteBudget::new(8 * MIB);
    let held = budget.try_charge(4 * MIB).unwrap();
    let woken: [Arc<Woken>; 2] = Default::default();
    let (mut first, mut second) = (budget.wait(5 * MIB), budget.wait(MIB));
    assert!(poll(&mut first, &woken[0]).is_pending());
    assert!(poll(&mut second, &woken[1]).is_pending());
    assert_eq!(budget.try_charge(MIB).err(), Some(Exhausted));
    assert_eq!(budget.waiting(), 2);
    drop(held);
    let count = |woken: &Woken| woken.0.load(Ordering::SeqCst);
    assert_eq!((count(&woken[0]), count(&woken[1])), (1, 1));
    assert_eq!(budget.used(), 6 * MIB);
    // The first waiter takes its charge. The second one is dropped before it takes its own.
    let Poll::Ready(Ok(charge)) = poll(&mut first, &woken[0]) else {
        panic!("the first charge was granted");
    };
    drop(second);
    assert_eq!(budget.used(), charge.bytes());
}

#[test]
fn an_abandoned_wait_lets_the_next_one_pass() {
    let budget = ByteBudget::new(8 * MIB);
    let _held = budget.try_charge(4 * MIB).unwrap();
    let woken = Arc::new(Woken::default());
    let (mut first, mut second) = (budget.wait(5 * MIB), budget.wait(MIB));
    assert!(poll(&mut first, &Arc::default()).is_pending());
    assert!(poll(&mut second, &woken).is_pending());
    drop(first);
    assert_eq!(woken.0.load(Ordering::SeqCst), 1);
    assert!(poll(&mut second, &woken).is_ready());
}

#[test]
fn a_charge_above_the_budget_is_refused_at_once() {
    let budget = ByteBudget::new(8 * MIB);
    let never = Instant::now() + Duration::from_secs(3600);
    for bytes in [budget.largest() + 1, u64::MAX] {
        assert_eq!(budget.charge_until(bytes, never).err(), Some(Exhausted));
    }
    assert_eq!(
        budget
            .charge_until(budget.largest(), never)
            .unwrap()
            .bytes(),
        7 * MIB
    );
    assert_eq!(budget.used(), 0);
}

#[test]
fn a_thread_waits_until_the_bytes_are_free_or_its_deadline() {
    let budget = ByteBudget::new(8 * MIB);
    let held = budget.try_charge(7 * MIB).unwrap();
    assert_eq!(
        budget.charge_until(MIB, Instant::now()).err(),
        Some(Exhausted)
    );
    assert_eq!(budget.waiting(), 0);
    let never = Instant::now() + Duration::from_secs(3600);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            budget
                .charge_until(6 * MIB, never)
                .map(|charge| charge.bytes())
        });
        while budget.waiting() == 0 {
            thread::yield_now();
        }
        drop(held);
        assert_eq!(waiting.join().unwrap(), Ok(6 * MIB));
    });
    assert_eq!(budget.used(), 0);
}

#[test]
fn many_threads_never_exceed_the_budget() {
    let budget = ByteBudget::new(4 * MIB);
    let never = Instant::now() + Duration::from_secs(3600);
    thread::scope(|scope| {
        for thread in 0..8_u64 {
            let budget = &budget;
            scope.spawn(move || {
                for round in 0..500 {
                    let bytes = 1 + (thread * 7919 + round * 104_729) % (3 * MIB);
                    let mut charge = budget.charge_until(bytes, never).unwrap();
                    assert!(budget.used() <= budget.capacity());
                    let _ = charge.try_grow(bytes / 2);
                    assert!(budget.used() <= budget.capacity());
                }
            });
        }
    });
    assert_eq!((budget.used(), budget.waiting()), (0, 0));
}
