//! Boxes of text and what they must not touch.

/// A box, or the room of a piece of a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rect {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

impl Rect {
    /// Whether two boxes are nearer to each other than `gap`.
    pub fn is_near(&self, other: &Self, gap: f64) -> bool {
        self.left < other.right + gap
            && other.left < self.right + gap
            && self.top < other.bottom + gap
            && other.top < self.bottom + gap
    }

    /// Whether another box lies within this one.
    pub fn holds(&self, other: &Self) -> bool {
        self.left <= other.left
            && other.right <= self.right
            && self.top <= other.top
            && other.bottom <= self.bottom
    }

    /// The first of some boxes that lies within this one and away from all obstacles.
    pub fn first_free(
        &self,
        mut places: impl Iterator<Item = Self>,
        obstacles: &[Self],
        gap: f64,
    ) -> Option<Self> {
        let is_free = |place: &Self| obstacles.iter().all(|other| !place.is_near(other, gap));
        places.find(|place| self.holds(place) && is_free(place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_free_place_is_taken() {
        let square = |left: f64| Rect { left, top: 1.0, right: left + 2.0, bottom: 3.0 };
        let room = Rect { left: 0.0, top: 0.0, right: 10.0, bottom: 10.0 };
        let places = || [-1.0, 1.0, 3.5, 6.0].into_iter().map(square);
        assert_eq!(room.first_free(places(), &[], 0.0), Some(square(1.0)));
        assert_eq!(room.first_free(places(), &[square(0.0)], 0.5), Some(square(3.5)));
        assert_eq!(room.first_free(places(), &[square(3.0)], 1.5), None);
    }
}
