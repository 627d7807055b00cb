//! The gate behind an upgrade domain: everybody who was walked so far is Ready.

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use wasm_roles_service_plan::InstanceId;

use super::{CYCLING, Unhealthy};
use crate::change::READY_AGAIN;
use crate::lifecycle::Status;
use crate::status_board::{Board, InstanceStatus};

/// Who has to be Ready, and of which generation.
pub(crate) struct Gate<'a> {
    pub(crate) instances: &'a BTreeSet<InstanceId>,
    pub(crate) generation: u32,
    /// How long they may take, from when on nobody of another generation runs any more.
    pub(crate) health: Duration,
    /// How long those of another generation may take to stop.
    pub(crate) stop_budget: Duration,
}

/// How often each was recycled when somebody came to the gate: what happened to it before that says nothing of now.
type Before = BTreeMap<InstanceId, u32>;

/// What a look at the board says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Look {
    /// Somebody still runs another generation.
    NotStarted,
    /// Somebody is not Ready.
    NotReady,
    /// These will not be Ready: they are cycling.
    Cycling(Vec<Unhealthy>),
    Passed,
}

impl Gate<'_> {
    /// Waits until everybody is Ready at one moment. `ready` hears of each who is, maybe more than once.
    ///
    /// # Errors
    ///
    /// Who was not Ready in time, or is cycling.
    pub(crate) async fn passed(
        &self,
        mut boards: watch::Receiver<Board>,
        ready: impl Fn(&InstanceStatus),
    ) -> Result<(), Vec<Unhealthy>> {
        // The end of one that was asked to stop has a bound, so this is for what cannot happen.
        let mut deadline = after(self.stop_budget.saturating_add(READY_AGAIN));
        let (mut started, before) = (false, self.recycles(&boards.borrow()));
        loop {
            let look = {
                let board = boards.borrow_and_update();
                self.concerned(&board).filter(|one| self.is_ready(one)).for_each(&ready);
                self.look(&board, &before)
            };
            match look {
                Look::Passed => return Ok(()),
                Look::Cycling(instances) => return Err(instances),
                Look::NotReady if !started => {
                    (started, deadline) = (true, after(self.health));
                }
                Look::NotReady | Look::NotStarted => {}
            }
            tokio::select! {
                biased;
                () = changed(&mut boards) => {}
                () = sleep_until(deadline) => {
                    let board = boards.borrow();
                    let late = self.concerned(&board).filter(|one| !self.is_ready(one));
                    return Err(late.map(unhealthy).collect());
                }
            }
        }
    }

    fn concerned<'a>(&'a self, board: &'a Board) -> impl Iterator<Item = &'a InstanceStatus> {
        board.values().filter(|one| self.instances.contains(&one.instance))
    }

    fn recycles(&self, board: &Board) -> Before {
        let recycled = |one: &InstanceStatus| {
            let recycled = one.recycled.as_ref().filter(|_| self.is_of_generation(one))?;
            Some((one.instance.clone(), recycled.times))
        };
        self.concerned(board).filter_map(recycled).collect()
    }

    /// One that somebody has stopped is as it shall be.
    fn is_ready(&self, one: &InstanceStatus) -> bool {
        one.status == Status::Stopped || (one.status == Status::Ready && self.is_of_generation(one))
    }

    const fn is_of_generation(&self, one: &InstanceStatus) -> bool {
        one.generation == self.generation
    }

    fn look(&self, board: &Board, before: &Before) -> Look {
        let is_cycling = |one: &&InstanceStatus| {
            self.is_of_generation(one)
                && one.status != Status::Ready
                && one.recycled.as_ref().is_some_and(|recycled| {
                    recycled.times >= CYCLING && before.get(&one.instance) != Some(&recycled.times)
                })
        };
        let cycling: Vec<Unhealthy> = self.concerned(board).filter(is_cycling).map(unhealthy).collect();
        if !cycling.is_empty() {
            Look::Cycling(cycling)
        } else if self.concerned(board).all(|one| self.is_ready(one)) {
            Look::Passed
        } else if self.concerned(board).all(|one| one.status == Status::Stopped || self.is_of_generation(one))
        {
            Look::NotReady
        } else {
            Look::NotStarted
        }
    }
}

/// A time that no clock has names no moment; a year is for ever, too.
pub(super) fn after(health: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    let now = Instant::now();
    now.checked_add(health).unwrap_or_else(|| now + YEAR)
}

/// For ever when nobody writes on the board any more.
async fn changed(boards: &mut watch::Receiver<Board>) {
    if boards.changed().await.is_err() {
        pending().await
    }
}

fn unhealthy(one: &InstanceStatus) -> Unhealthy {
    Unhealthy {
        instance: one.instance.clone(),
        status: one.status,
        recycled: one.recycled.clone(),
        unanswered: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status_board::{Recycled, Seat, StatusBoard};
    use wasm_roles_service_plan::RoleName;

    fn id(ordinal: u32) -> InstanceId {
        InstanceId::new(&RoleName::new("W").unwrap(), ordinal)
    }

    fn ids(ordinals: &[u32]) -> BTreeSet<InstanceId> {
        ordinals.iter().copied().map(id).collect()
    }

    const fn seat(ordinal: u32) -> Seat {
        Seat { role: 0, ordinal }
    }

    /// A board with these instances: the generation of each, its status and how often it was recycled.
    fn board(instances: &[(u32, Status, u32)]) -> StatusBoard {
        let board = StatusBoard::new();
        for (ordinal, (generation, status, times)) in (0..).zip(instances) {
            board.enter(seat(ordinal), id(ordinal), *generation, Duration::ZERO);
            board.set(seat(ordinal), *status, Duration::ZERO);
            if *times > 0 {
                board.recycled(seat(ordinal), recycled(*times));
            }
        }
        board
    }

    fn recycled(times: u32) -> Recycled {
        Recycled { times, because: "it failed".to_owned(), last_words: Vec::new() }
    }

    fn gate(instances: &BTreeSet<InstanceId>) -> Gate<'_> {
        let (health, stop_budget) = (Duration::from_secs(60), Duration::from_secs(30));
        Gate { instances, generation: 2, health, stop_budget }
    }

    #[test]
    fn a_look_at_the_board_says_how_far_they_are() {
        use Status::{Busy, Ready, Recycling, Starting, Stopped, Stopping};
        const CYCLES: u32 = CYCLING;
        type Case = (&'static [(u32, Status, u32)], &'static str);
        let cases: &[Case] = &[
            (&[(2, Ready, 0), (2, Ready, 0)], "passed"),
            (&[(2, Ready, 0), (1, Ready, 0)], "not started"),
            (&[(2, Ready, 0), (1, Stopping, 0)], "not started"),
            (&[(2, Ready, 0), (2, Starting, 0)], "not ready"),
            (&[(2, Ready, 0), (2, Busy, 0)], "not ready"),
            (&[(2, Ready, 0), (2, Recycling, CYCLES - 1)], "not ready"),
            (&[(2, Starting, 0), (1, Recycling, CYCLES)], "not started"),
            (&[(2, Ready, 0), (2, Recycling, CYCLES)], "cycling W_IN_1"),
            (&[(2, Starting, CYCLES), (1, Ready, 0)], "cycling W_IN_0"),
            (&[(2, Ready, CYCLES), (2, Ready, 0)], "passed"),
            // who was stopped stays so, of whatever generation it was
            (&[(2, Ready, 0), (1, Stopped, 0)], "passed"),
            (&[(1, Stopped, 0), (2, Starting, 0)], "not ready"),
        ];
        let both = ids(&[0, 1]);
        for (instances, expected) in cases {
            let board = board(instances);
            let look = match gate(&both).look(&board.boards().borrow(), &Before::new()) {
                Look::Passed => "passed".to_owned(),
                Look::NotReady => "not ready".to_owned(),
                Look::NotStarted => "not started".to_owned(),
                Look::Cycling(instances) => format!("cycling {}", instances[0].instance),
            };
            assert_eq!(look, *expected, "{instances:?}");
        }
    }

    #[test]
    fn whoever_is_not_concerned_does_not_matter() {
        let board = board(&[(2, Status::Ready, 0), (2, Status::Recycling, CYCLING), (1, Status::Ready, 0)]);
        for instances in [ids(&[0]), ids(&[])] {
            assert_eq!(gate(&instances).look(&board.boards().borrow(), &Before::new()), Look::Passed);
        }
    }

    #[test]
    fn how_often_one_was_recycled_before_somebody_came_to_the_gate_does_not_count() {
        let (board, instances) = (board(&[(2, Status::Busy, CYCLING)]), ids(&[0]));
        let (gate, boards) = (gate(&instances), board.boards());
        let before = gate.recycles(&boards.borrow());
        assert_eq!(gate.look(&boards.borrow(), &before), Look::NotReady, "it says Busy once");
        board.recycled(seat(0), recycled(CYCLING + 1));
        assert!(matches!(gate.look(&boards.borrow(), &before), Look::Cycling(_)), "and fails again");
        board.recycled(seat(0), recycled(1));
        assert_eq!(gate.look(&boards.borrow(), &before), Look::NotReady, "it was proved meanwhile");
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_for_it_begins_when_the_last_one_starts() {
        let (board, instances) = (board(&[(1, Status::Stopping, 0)]), ids(&[0]));
        let (begun, stop_budget) = (Instant::now(), Duration::from_secs(60 * 60));
        let gate = Gate { stop_budget, ..gate(&instances) };
        let mut passed = std::pin::pin!(gate.passed(board.boards(), |_| {}));
        let stopping = stop_budget;
        assert!(tokio::time::timeout(stopping, passed.as_mut()).await.is_err(), "it still stops");
        board.launches(seat(0), 2);
        board.set(seat(0), Status::Starting, Duration::ZERO);
        let late = passed.await.unwrap_err();
        assert_eq!(begun.elapsed(), stopping + gate.health);
        assert_eq!(
            late,
            [Unhealthy { instance: id(0), status: Status::Starting, recycled: None, unanswered: None }]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_time_that_no_clock_has_is_for_ever() {
        let (board, instances) = (board(&[(2, Status::Starting, 0)]), ids(&[0]));
        let gate = Gate { health: Duration::MAX, ..gate(&instances) };
        let mut passed = std::pin::pin!(gate.passed(board.boards(), |_| {}));
        let day = Duration::from_secs(24 * 60 * 60);
        assert!(tokio::time::timeout(day, passed.as_mut()).await.is_err());
        board.set(seat(0), Status::Ready, Duration::ZERO);
        assert_eq!(passed.await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_when_all_are_ready_at_one_moment() {
        let (board, instances) = (board(&[(2, Status::Ready, 0), (2, Status::Starting, 0)]), ids(&[0, 1]));
        let gate = gate(&instances);
        let mut passed = std::pin::pin!(gate.passed(board.boards(), |_| {}));
        let moment = Duration::from_secs(1);
        assert!(tokio::time::timeout(moment, passed.as_mut()).await.is_err());
        board.set(seat(0), Status::Recycling, Duration::ZERO);
        board.set(seat(1), Status::Ready, Duration::ZERO);
        assert!(tokio::time::timeout(moment, passed.as_mut()).await.is_err(), "now the other one is not");
        board.set(seat(0), Status::Ready, Duration::ZERO);
        assert_eq!(passed.await, Ok(()));
    }
}
