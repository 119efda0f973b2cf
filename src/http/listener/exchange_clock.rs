//! Measures the time that a client takes to read a response.

use std::time::Duration;

use tokio::time::Instant;

/// How long a client may read nothing of a response while other requests wait for memory.
pub(super) const STALL_MAX: Duration = Duration::from_secs(5);

/// The lowest rate at which a client may read a response while other requests wait for memory, in bytes per second.
const RATE_MIN: u64 = 64 << 10;

/// How many bytes of a response must be sent to show that the client of an HTTP/2 connection is active. Fewer bytes are enough if no other
/// bytes are waiting to be sent.
const ACTIVE_BYTES_MIN: u64 = 64 << 10;

/// The clock of one exchange. It runs during the client's turn: while a part of the response is unsent, or while hyper does not request the
/// next part, because hyper's send buffer is full and the client reads nothing.
///
/// It is a leaky bucket. At first, the client has `time_max`. Each byte that is sent adds the time that sending a byte takes at the rate
/// [`RATE_MIN`], but the client never has more than `time_max`. So a client may pause for `time_max`, but it cannot read at a rate below
/// [`RATE_MIN`] for long. Without a minimum rate, a client that reads one byte now and then could make the server hold the memory of a
/// response without limit.
#[derive(Debug)]
pub(super) struct ExchangeClock {
    time_max: Duration,
    turn: Turn,
    /// Whether the server is working on the next part of the response.
    is_producing: bool,
    /// The number of bytes of the response that were passed to hyper, but that hyper has neither sent nor dropped.
    unsent_bytes: u64,
    /// The number of bytes that were sent since the client last showed that it is active.
    sent_bytes: u64,
    holds_memory: bool,
}

#[derive(Clone, Copy, Debug)]
enum Turn {
    /// It is the server's turn, and the clock stands still. The client has this much time left for its next turn.
    Server(Duration),
    /// It is the client's turn. Its time ends at this instant.
    Client(Instant),
}

impl ExchangeClock {
    /// Returns the clock of a new exchange (a request and its response). It is the server's turn first. When the client's turn begins, the
    /// client has `time_max`.
    pub fn new(time_max: Duration) -> Self {
        Self {
            time_max,
            turn: Turn::Server(time_max),
            is_producing: true,
            unsent_bytes: 0,
            sent_bytes: 0,
            holds_memory: true,
        }
    }

    /// Returns whether the client waits for the server, so that the client's time does not run.
    pub fn is_server_turn(&self) -> bool {
        matches!(self.turn, Turn::Server(_))
    }

    /// Returns whether the client has used up its time, and the response holds memory for which other requests may wait.
    pub fn is_late(&self, now: Instant) -> bool {
        self.holds_memory && matches!(self.turn, Turn::Client(end) if end <= now)
    }

    /// Records that the response holds no memory for which other requests may wait. From then on, the client is never late.
    pub fn set_holds_no_memory(&mut self) {
        self.holds_memory = false;
    }

    /// Records that the server starts to work on the next part of the response.
    pub fn begin_part(&mut self, now: Instant) {
        self.is_producing = true;
        self.update_turn(now);
    }

    /// Records that the server has finished a part of the response, and that hyper must now send the `bytes` bytes of this part.
    pub fn end_part(&mut self, bytes: u64, now: Instant) {
        self.is_producing = false;
        self.unsent_bytes += bytes;
        self.update_turn(now);
    }

    /// Records that this number of bytes was sent. Returns whether the bytes sent so far show that the client is active.
    pub fn add_sent(&mut self, bytes: u64, now: Instant) -> bool {
        if let Turn::Client(end) = &mut self.turn {
            let added = Duration::from_micros(bytes.saturating_mul(1_000_000) / RATE_MIN);
            // If the client's time has already ended, the time since then is not deducted: no request waited for memory in that time,
            // because otherwise the connection would have been closed.
            *end = ((*end).max(now) + added).min(now + self.time_max);
        }
        self.remove_unsent(bytes, now);
        self.sent_bytes = self.sent_bytes.saturating_add(bytes);
        let is_active = self.unsent_bytes == 0 || self.sent_bytes >= ACTIVE_BYTES_MIN;
        if is_active {
            self.sent_bytes = 0;
        }
        is_active
    }

    /// Records that this number of bytes was sent or dropped, so that they no longer count as unsent.
    pub fn remove_unsent(&mut self, bytes: u64, now: Instant) {
        self.unsent_bytes = self.unsent_bytes.saturating_sub(bytes);
        self.update_turn(now);
    }

    fn update_turn(&mut self, now: Instant) {
        // While bytes are unsent, it is the client's turn, even if the server is already working on the next part. The server may be unable
        // to finish that part until these bytes are sent.
        let is_server_turn = self.is_producing && self.unsent_bytes == 0;
        self.turn = match (self.turn, is_server_turn) {
            (Turn::Client(end), true) => Turn::Server(end.saturating_duration_since(now)),
            (Turn::Server(left), false) => Turn::Client(now + left),
            (turn, _) => turn,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Returns the clock of a response that is too long to be sent within a test, and the time at which the response was passed to hyper.
    fn clock_with_unsent() -> (ExchangeClock, Instant) {
        let mut clock = ExchangeClock::new(STALL_MAX);
        let now = Instant::now();
        clock.end_part(1 << 40, now);
        (clock, now)
    }

    #[test]
    fn client_that_reads_nothing_is_late() {
        let (clock, start) = clock_with_unsent();
        assert!(!clock.is_late(start + STALL_MAX - SECOND));
        assert!(clock.is_late(start + STALL_MAX));
    }

    #[test]
    fn client_must_read_at_the_lowest_rate() {
        for (bytes_per_second, is_late) in [(RATE_MIN, false), (RATE_MIN / 2, true)] {
            let (mut clock, mut now) = clock_with_unsent();
            for _ in 0..60 {
                now += SECOND;
                clock.add_sent(bytes_per_second, now);
            }
            assert_eq!(clock.is_late(now + SECOND), is_late, "{bytes_per_second}");
        }
    }

    #[test]
    fn trickle_does_not_keep_an_exchange_alive() {
        let (mut clock, mut now) = clock_with_unsent();
        for _ in 0..2 {
            now += STALL_MAX - SECOND / 10;
            clock.add_sent(1 << 10, now);
        }
        assert!(clock.is_late(now + SECOND));
    }

    #[test]
    fn much_at_once_does_not_pay_for_a_long_pause() {
        let (mut clock, now) = clock_with_unsent();
        clock.add_sent(100 * RATE_MIN, now);
        assert!(clock.is_late(now + STALL_MAX));
    }

    #[test]
    fn late_client_that_reads_again_has_time_again() {
        let (mut clock, start) = clock_with_unsent();
        let now = start + 100 * STALL_MAX;
        clock.add_sent(2 * RATE_MIN, now);
        assert!(!clock.is_late(now + SECOND));
        assert!(clock.is_late(now + 2 * SECOND));
    }

    #[test]
    fn time_of_the_servers_turns_does_not_count() {
        let mut clock = ExchangeClock::new(STALL_MAX);
        let mut now = Instant::now();
        for part in 1..5 {
            now += 10 * STALL_MAX;
            assert!(clock.is_server_turn() && !clock.is_late(now), "{part}");
            clock.end_part(1, now);
            now += SECOND;
            assert!(!clock.is_server_turn() && !clock.is_late(now), "{part}");
            clock.add_sent(1, now);
            clock.begin_part(now);
        }
        // The client has used four of its five seconds.
        clock.end_part(1, now);
        assert!(clock.is_late(now + SECOND + SECOND / 10));
    }

    #[test]
    fn next_part_is_the_servers_turn_only_when_the_previous_ones_are_sent() {
        let (mut clock, start) = clock_with_unsent();
        clock.begin_part(start);
        assert!(!clock.is_server_turn() && clock.is_late(start + STALL_MAX));
        clock.remove_unsent(1 << 40, start);
        assert!(clock.is_server_turn());
    }

    #[test]
    fn a_few_bytes_do_not_prove_that_the_client_is_active() {
        let (mut clock, now) = clock_with_unsent();
        let rest = ACTIVE_BYTES_MIN - 1;
        for (bytes, is_active) in [(rest, false), (1, true), (1, false), (rest, true)] {
            assert_eq!(clock.add_sent(bytes, now), is_active);
        }
        clock.remove_unsent((1 << 40) - 2 * ACTIVE_BYTES_MIN - 1, now);
        assert!(clock.add_sent(1, now), "these are the last bytes");
    }

    #[test]
    fn client_is_not_late_if_the_response_holds_no_memory() {
        let (mut clock, start) = clock_with_unsent();
        clock.set_holds_no_memory();
        assert!(!clock.is_late(start + STALL_MAX));
    }

    #[test]
    fn missing_room_for_the_next_part_is_the_clients_turn() {
        let (mut clock, start) = clock_with_unsent();
        clock.remove_unsent(1 << 40, start);
        assert!(!clock.is_server_turn() && clock.is_late(start + STALL_MAX));
    }
}
