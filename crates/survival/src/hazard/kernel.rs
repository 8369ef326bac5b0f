//! Weights of events near a time.

/// A kernel as a polynomial of degree two in `z = (t - t_i) / b` between two ends; 0 outside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Kernel {
    /// Coefficients of `1`, `z` and `z²`.
    pub(super) powers: [f64; 3],
    /// Smallest and largest `z`.
    pub(super) ends: (f64, f64),
}

impl Kernel {
    /// Kernel for an estimate at a time whose distances from the ends of the range, in bandwidths,
    /// are `before` and `after`; at least one of them is no less than 1.
    ///
    /// ```text
    /// inside     3/4 (1 - z²)                                                 -1 <= z <= 1
    /// near the   12 (1 + z) / (1 + q)⁴ ((1 - 2q) z + (3q² - 2q + 1) / 2)      -1 <= z <= q
    /// beginning
    /// ```
    ///
    /// with `q = before`; near the end the mirror image with `q = after`. All have the integral 1
    /// and the mean 0, so that a hazard is not drawn towards 0 where half of the events of its
    /// neighbourhood could not be seen.
    ///
    /// Epanechnikov's kernel with the boundary kernels of Müller and Wang (1994), Biometrics
    /// 50:61-76, table 1.
    pub(super) fn at(before: f64, after: f64) -> Self {
        let q = before.min(after).clamp(0.0, 1.0);
        let square = (1.0 + q) * (1.0 + q);
        let scale = 12.0 / (square * square);
        let (slope, constant) = (1.0 - 2.0 * q, 0.5 * (3.0 * q * q - 2.0 * q + 1.0));
        let powers = [scale * constant, scale * (constant + slope), scale * slope];
        if before <= after {
            Self { powers, ends: (-1.0, q) }
        } else {
            Self { powers: [powers[0], -powers[1], powers[2]], ends: (-q, 1.0) }
        }
    }

    pub(super) fn weight(&self, z: f64) -> f64 {
        let [constant, linear, square] = self.powers;
        constant + z * (linear + z * square)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Integral of `z^power` times the kernel.
    fn moment(kernel: &Kernel, power: i32) -> f64 {
        let primitive = |z: f64| -> f64 {
            let terms = kernel.powers.iter().zip(power + 1..);
            terms.map(|(factor, degree)| factor * z.powi(degree) / f64::from(degree)).sum()
        };
        primitive(kernel.ends.1) - primitive(kernel.ends.0)
    }

    #[test]
    fn kernels_have_integral_1_and_mean_0() {
        for (before, after) in [(3.0, 3.0), (0.0, 2.0), (0.3, 5.0), (4.0, 0.6), (1.0, 1.0)] {
            let kernel = Kernel::at(before, after);
            assert!((moment(&kernel, 0) - 1.0).abs() < 1e-14);
            assert!(moment(&kernel, 1).abs() < 1e-14);
        }
    }

    #[test]
    fn inside_it_is_epanechnikovs() {
        let kernel = Kernel::at(1.0, 7.0);
        assert_eq!((kernel.powers, kernel.ends), ([0.75, 0.0, -0.75], (-1.0, 1.0)));
        // At the very beginning 6 (1 + z) (1 + 2z), by the table.
        assert_eq!(Kernel::at(0.0, 7.0).powers, [6.0, 18.0, 12.0]);
    }
}
