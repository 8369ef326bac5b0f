//! Step functions of time.

use crate::ScenarioError;

/// A function of time that is constant between its steps: a hazard, or a hazard ratio.
///
/// It begins at time 0; its last value holds for ever. Values are finite and not negative.
#[derive(Clone, Debug, PartialEq)]
pub struct Steps {
    pieces: Vec<Piece>,
}

/// A value and the time from which it holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Piece {
    pub(crate) start: f64,
    pub(crate) value: f64,
}

impl Steps {
    /// One value for all time.
    pub fn constant(value: f64) -> Result<Self, ScenarioError> {
        Self::new(&[(0.0, value)])
    }

    /// A value from each time on; the first time is 0 and the others ascend.
    pub fn new(pieces: &[(f64, f64)]) -> Result<Self, ScenarioError> {
        let pieces: Vec<Piece> =
            pieces.iter().map(|&(start, value)| Piece { start, value }).collect();
        let ascend = pieces.windows(2).all(|pair| pair[0].start < pair[1].start);
        let is_finite = pieces.iter().all(|piece| piece.start.is_finite());
        if pieces.first().map(|piece| piece.start) != Some(0.0) || !ascend || !is_finite {
            return Err(ScenarioError::Steps);
        }
        match pieces.iter().find(|piece| !(piece.value.is_finite() && piece.value >= 0.0)) {
            Some(piece) => Err(ScenarioError::OutOfRange {
                quantity: format!("value from time {}", piece.start),
                value: piece.value,
                allowed: "finite and not negative",
            }),
            None => Ok(Self { pieces }),
        }
    }

    /// The value at a time; at a step, the one that begins there.
    #[must_use]
    pub fn at(&self, time: f64) -> f64 {
        let begun = self.pieces.partition_point(|piece| piece.start <= time);
        self.pieces[begun.max(1) - 1].value
    }

    /// The value that holds for ever in the end.
    #[must_use]
    pub fn last(&self) -> f64 {
        self.pieces[self.pieces.len() - 1].value
    }

    /// Times of the steps, 0 included.
    pub(crate) fn starts(&self) -> impl Iterator<Item = f64> {
        self.pieces.iter().map(|piece| piece.start)
    }

    /// The pieces with the time at which each ends, infinite for the last one.
    pub(crate) fn spans(&self) -> impl Iterator<Item = (Piece, f64)> {
        let ends = self.pieces.iter().skip(1).map(|next| next.start);
        self.pieces.iter().copied().zip(ends.chain([f64::INFINITY]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_begins_at_its_time() {
        let steps = Steps::new(&[(0.0, 1.0), (6.0, 0.5)]).unwrap();
        assert_eq!([0.0, 5.9, 6.0, 1e9].map(|time| steps.at(time)), [1.0, 1.0, 0.5, 0.5]);
    }

    #[test]
    fn the_time_axis_is_covered_once() {
        for pieces in [&[][..], &[(1.0, 1.0)], &[(0.0, 1.0), (0.0, 2.0)]] {
            assert_eq!(Steps::new(pieces), Err(ScenarioError::Steps));
        }
        assert!(Steps::constant(-1.0).is_err() && Steps::constant(f64::NAN).is_err());
    }
}
