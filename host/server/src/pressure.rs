//! When a zone can't hold its tick: what it is told to leave out, and how far its time is stretched, in this order and back again.
//!
//! A pure state machine, fed with every tick's figures; half a second's worth of them is judged together. It steps up when a zone
//! was too slow for three of those in a row, whatever the cause (its own work, or its neighbours' on the same worker), and on with
//! every one more; down after ten that the lighter step would have fitted in as well.

use std::time::Duration;

use wod_protocol::registry::REAL_TIME;
use wod_sim::io::{Degradation, Input};

/// The slowest a zone runs, per mille of real time.
const SLOWEST: u16 = 100;
/// The least that a step of dilation changes, per mille.
const DILATION_STEP: u16 = 50;
/// How much of a zone's time is judged together.
const WINDOW: Duration = Duration::from_millis(500);
/// A tick that takes more than this share of its time, per cent, over a window, is too much: the worker has other zones.
const TOO_BUSY: u32 = 90;
/// At most so much would be left of it after a step back, per cent.
const CALM: u32 = 65;
/// A window with more ticks than this that began a whole tick late, per cent, is too slow.
const TOO_LATE: u32 = 50;
/// Windows in a row that are too much before the first step; the next steps take one more each.
const WINDOWS_UP: u32 = 3;
/// Calm windows in a row before a step back.
const WINDOWS_DOWN: u32 = 10;
/// The most of them: each step back that has to be taken again doubles what is waited for.
const WINDOWS_DOWN_MOST: u32 = 160;

/// What the host does about a zone that is too full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Measures {
    pub(crate) degradation: Degradation,
    /// Per mille of real time.
    pub(crate) dilation: u16,
}

/// A zone's measures and what decides about the next.
#[derive(Debug)]
pub(crate) struct Pressure {
    now: Measures,
    window: Window,
    /// Windows in a row that were too much, or calm.
    too_much: u32,
    calm: u32,
    /// Calm windows to wait for.
    patience: u32,
    /// The last change was a step back.
    eased: bool,
}

/// The ticks of a [`WINDOW`].
#[derive(Debug, Default)]
struct Window {
    ticks: u32,
    late: u32,
    worked: Duration,
    allowed: Duration,
    lasted: Duration,
}

/// How a tick went.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TickFigures {
    /// The nominal length of a tick.
    pub(crate) period: Duration,
    /// What it took.
    pub(crate) took: Duration,
    /// How much later than it should it began.
    pub(crate) late: Duration,
}

impl Measures {
    pub(crate) const NONE: Self = Self { degradation: Degradation::None, dilation: REAL_TIME };

    /// How long a tick of this nominal length lasts.
    pub(crate) fn stretch(self, period: Duration) -> Duration {
        period * u32::from(REAL_TIME) / u32::from(self.dilation.clamp(SLOWEST, REAL_TIME))
    }

    /// What tells the zone.
    pub(crate) fn inputs(self) -> [Input; 2] {
        [Input::Degrade(self.degradation), Input::Dilation(self.dilation)]
    }

    /// The next step, of a zone that was so busy: per cent of the time it had.
    fn harder(self, busy: u32) -> Self {
        match self.degradation {
            Degradation::None => Self { degradation: Degradation::FarMoves, ..self },
            Degradation::FarMoves => Self { degradation: Degradation::Rosters, ..self },
            Degradation::Rosters => {
                let fitting = u32::from(self.dilation) * TOO_BUSY / busy.max(TOO_BUSY);
                let fitting = u16::try_from(fitting).unwrap_or(REAL_TIME);
                let dilation = fitting.min(self.dilation.saturating_sub(DILATION_STEP)).max(SLOWEST);
                Self { dilation, ..self }
            }
        }
    }

    fn easier(self) -> Self {
        if self.dilation < REAL_TIME {
            return Self { dilation: (self.dilation + self.step_back()).min(REAL_TIME), ..self };
        }
        let degradation = match self.degradation {
            Degradation::None | Degradation::FarMoves => Degradation::None,
            Degradation::Rosters => Degradation::FarMoves,
        };
        Self { degradation, ..self }
    }

    /// A slow zone comes back in shares of its speed.
    fn step_back(self) -> u16 {
        (self.dilation / 5).max(DILATION_STEP)
    }
}

impl Pressure {
    /// Of a zone that these measures hold for already.
    pub(crate) fn new(now: Measures) -> Self {
        Self { now, window: Window::default(), too_much: 0, calm: 0, patience: WINDOWS_DOWN, eased: false }
    }

    pub(crate) fn measures(&self) -> Measures {
        self.now
    }

    /// Takes a tick into account. Some: other measures hold from now on.
    pub(crate) fn note(&mut self, tick: TickFigures) -> Option<Measures> {
        self.window.add(tick, self.now.stretch(tick.period));
        if self.window.lasted < WINDOW {
            return None;
        }
        let window = std::mem::take(&mut self.window);
        let busy = window.busy();
        // What a step of less degradation would add can't be known: it is taken for as much as a step of dilation would.
        let easier = self.now.easier();
        let eased = busy * u32::from(easier.dilation.max(self.now.dilation)) / u32::from(self.now.dilation);
        let is_too_much = busy > TOO_BUSY || window.late * 100 > window.ticks * TOO_LATE;
        let is_calm = !is_too_much && eased <= CALM;
        self.too_much = if is_too_much { self.too_much + 1 } else { 0 };
        self.calm = if is_calm { self.calm + 1 } else { 0 };
        let next = if self.too_much >= WINDOWS_UP {
            self.too_much = WINDOWS_UP - 1;
            if std::mem::take(&mut self.eased) {
                self.patience = (self.patience * 2).min(WINDOWS_DOWN_MOST);
            }
            self.now.harder(busy)
        } else if self.calm >= self.patience {
            self.eased = true;
            easier
        } else {
            return None;
        };
        self.calm = 0;
        self.change(next)
    }

    /// Nobody is there any more who could mind. Some: other measures hold from now on.
    pub(crate) fn relax(&mut self) -> Option<Measures> {
        let was = std::mem::replace(self, Self::new(Measures::NONE)).now;
        (was != Measures::NONE).then_some(Measures::NONE)
    }

    fn change(&mut self, next: Measures) -> Option<Measures> {
        let changed = next != self.now;
        self.now = next;
        changed.then_some(next)
    }
}

impl Window {
    fn add(&mut self, tick: TickFigures, length: Duration) {
        self.ticks += 1;
        self.late += u32::from(tick.late > length);
        self.worked += tick.took;
        self.allowed += length;
        self.lasted += tick.took.max(length);
    }

    /// Per cent of the time there was.
    fn busy(&self) -> u32 {
        let share = self.worked.as_micros() * 100 / self.allowed.as_micros().max(1);
        u32::try_from(share).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_millis(50);

    /// So many seconds of ticks that take that long; every change of measures.
    fn seconds(pressure: &mut Pressure, count: u32, took: Duration) -> Vec<Measures> {
        let mut changes = Vec::new();
        let mut lasted = Duration::ZERO;
        while lasted < Duration::from_secs(count.into()) {
            let length = pressure.measures().stretch(PERIOD);
            changes.extend(pressure.note(TickFigures { period: PERIOD, took, late: took.saturating_sub(length) }));
            lasted += took.max(length);
        }
        changes
    }

    fn of(degradation: Degradation, dilation: u16) -> Measures {
        Measures { degradation, dilation }
    }

    #[test]
    fn a_zone_that_holds_its_tick_is_left_alone() {
        let mut pressure = Pressure::new(Measures::NONE);
        assert_eq!(seconds(&mut pressure, 60, Duration::from_millis(40)), []);
    }

    #[test]
    fn one_bad_second_is_none() {
        let mut pressure = Pressure::new(Measures::NONE);
        for _ in 0..10 {
            assert_eq!(seconds(&mut pressure, 1, Duration::from_millis(90)), []);
            assert_eq!(seconds(&mut pressure, 1, Duration::from_millis(10)), []);
        }
    }

    #[test]
    fn far_moves_go_first_then_rosters_then_time() {
        let mut pressure = Pressure::new(Measures::NONE);
        let changes = seconds(&mut pressure, 10, Duration::from_millis(90));
        assert_eq!(changes[..2], [of(Degradation::FarMoves, 1000), of(Degradation::Rosters, 1000)]);
        // 90 ms are 90 per cent of 100 ms.
        assert_eq!(changes[2..], [of(Degradation::Rosters, 500)], "one step of dilation is enough");
    }

    #[test]
    fn time_is_stretched_within_three_seconds_of_too_much() {
        let mut pressure = Pressure::new(Measures::NONE);
        let (took, mut elapsed) = (Duration::from_millis(90), Duration::ZERO);
        while pressure.measures().dilation == REAL_TIME {
            pressure.note(TickFigures { period: PERIOD, took, late: Duration::ZERO });
            elapsed += took;
        }
        assert!(elapsed < Duration::from_secs(3), "{elapsed:?}");
    }

    #[test]
    fn a_load_that_comes_and_goes_is_met_once() {
        let mut pressure = Pressure::new(Measures::NONE);
        let mut changes = Vec::new();
        for _ in 0..100 {
            changes.extend(seconds(&mut pressure, 4, Duration::from_millis(90)));
            changes.extend(seconds(&mut pressure, 4, Duration::from_millis(10)));
        }
        assert_eq!(changes.len(), 3, "{changes:?}");
    }

    #[test]
    fn time_is_never_stretched_beyond_ten_times() {
        let mut pressure = Pressure::new(Measures::NONE);
        let changes = seconds(&mut pressure, 60, Duration::from_secs(2));
        assert_eq!(changes.last(), Some(&of(Degradation::Rosters, 100)));
        assert_eq!(pressure.measures().stretch(PERIOD), Duration::from_millis(500));
    }

    #[test]
    fn it_comes_back_step_by_step_and_does_not_swing() {
        let mut pressure = Pressure::new(Measures::NONE);
        seconds(&mut pressure, 10, Duration::from_millis(90));
        // What was too much stays as it is, for as long as it lasts.
        assert_eq!(seconds(&mut pressure, 120, Duration::from_millis(90)), []);
        let changes = seconds(&mut pressure, 120, Duration::from_millis(10));
        let dilations: Vec<u16> = changes.iter().map(|measures| measures.dilation).collect();
        assert!(dilations.is_sorted() && dilations[0] == 600, "{dilations:?}");
        assert_eq!(changes.last(), Some(&Measures::NONE));
        let levels: Vec<Degradation> = changes.iter().map(|measures| measures.degradation).collect();
        assert!(levels.is_sorted_by(|a, b| a >= b), "{levels:?}");
    }

    #[test]
    fn a_zone_that_waits_for_others_on_its_worker_is_stretched_too() {
        let mut pressure = Pressure::new(Measures::NONE);
        let mut changes = Vec::new();
        for _ in 0..20 * 300 {
            let (took, late) = (Duration::from_millis(5), Duration::from_millis(60));
            changes.extend(pressure.note(TickFigures { period: PERIOD, took, late }));
        }
        assert_eq!(changes.last().map(|measures| measures.degradation), Some(Degradation::Rosters));
        assert!(pressure.measures().dilation < 1000);
        let swings = changes[changes.len() / 2..].len();
        assert!(swings < 20, "it tries less and less often whether the others have gone: {swings}");
    }

    #[test]
    fn nobody_there_nothing_to_leave_out() {
        let mut pressure = Pressure::new(of(Degradation::Rosters, 300));
        assert_eq!(pressure.relax(), Some(Measures::NONE));
        assert_eq!(pressure.relax(), None);
    }
}
